# Stage 2 of HybridTracker on MovingShapes in the form of VIPSeg: the instance
# tracker, on annotated masks. The segmenter is frozen and not run; it is here
# so that the checkpoint has all weights.
_base_ = [
    '../_base_/models/hybrid-tracker_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
model = dict(
    stage='instance',
    # frames without pixels
    data_preprocessor=dict(mean=None, std=None),
    segmentor=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/panoptic-fcn_r18_fpn_movingshapes-vps-tiny/'
            'iter_3000.pth')))
train_pipeline = [
    # every frame with another one, 1 to 5 frames away
    dict(type='ClipSample', num_frames=2, frame_range=5, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='SkipVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(pipeline=train_pipeline))
# to be tested with the recipe without a stage in its name
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None

max_iters = 1000
train_cfg = dict(type='ResumableIterLoop', max_iters=max_iters)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4))
param_scheduler = dict(
    type='PolyLR', power=0.9, begin=0, end=max_iters, by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=8)
