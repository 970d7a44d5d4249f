# Stage 3 of HybridTracker on MovingShapes in the form of VIPSeg: the two
# weights of the fusion, on annotated masks and exact flow.
_base_ = [
    '../_base_/models/hybrid-tracker_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
model = dict(stage='fusion')
train_pipeline = [
    # exact flow is there for frames at a distance of one and two
    dict(type='ClipSample', num_frames=2, frame_range=2, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(pipeline=train_pipeline))

max_iters = 100
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
param_scheduler = dict(
    type='PolyLR', power=0.9, begin=0, end=max_iters, by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=8)
load_from = ('work_dirs/hybrid-tracker-stage2_r18_fpn_movingshapes-vps-tiny/'
             'iter_1000.pth')
