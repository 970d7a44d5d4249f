# Stage 3 of HybridTracker on Cityscapes-VPS, optional: the two weights of the
# fusion, on annotated masks and flow.
_base_ = [
    '../_base_/models/hybrid-tracker_r50_fpn.py',
    '../_base_/datasets/cityscapes_vps.py',
    '../_base_/schedules/schedule_poly_10e.py'
]
model = dict(stage='fusion', segmentor=dict(backbone=dict(init_cfg=None)))
train_pipeline = [
    # a labelled frame and the one before or after it, 5 frames apart
    dict(type='ClipSample', num_frames=2, frame_range=1, mode='ref'),
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
    batch_size=1,
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.1))
param_scheduler = dict(end=1)
auto_scale_lr = dict(base_batch_size=2)
load_from = ('work_dirs/hybrid-tracker-stage2_r50_fpn_2xb8-10e_cityscapesvps/'
             'epoch_10.pth')
