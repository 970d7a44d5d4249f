_base_ = [
    '../_base_/models/inspro_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vis.py', '../_base_/default_runtime.py'
]
# The 96 x 160 frames are doubled: at stride 8 the masks of small shapes would
# be a few cells wide otherwise.
scale = (320, 192)
train_pipeline = [
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='Resize', scale=scale, keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='Resize', scale=scale, keep_ratio=True)
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

max_iters = 1000
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = dict(
    type='OneCycleLR',
    eta_max=5e-4,
    total_steps=max_iters,
    pct_start=0.1,
    by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=2)
