# Segmenter of CAVIS on MovingShapes in the form of YouTube-VIS; in tests it
# links frames by matching. The data set is `tiny` with 240 videos to train on
# (--profile tiny --format youtube_vis --set num_train=240), as its 24 are too
# few to learn forms from.
_base_ = [
    '../_base_/models/cavis_r18_tiny.py',
    '../_base_/datasets/moving_shapes_vis.py', '../_base_/default_runtime.py'
]
frame_transforms = [
    dict(type='LoadVideoFrame'),
    dict(type='LoadFrameAnnotations', with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
train_pipeline = [
    dict(type='ClipSample', num_frames=3, frame_range=2, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=frame_transforms),
    dict(type='PackClipInputs'),
]
data_root = 'data/moving_shapes/tiny-240/'
train_dataloader = dict(
    batch_size=4, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

max_iters = 300
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys=dict(
            backbone=dict(lr_mult=0.1),
            query_feat=dict(decay_mult=0.),
            level_embed=dict(decay_mult=0.),
            **{'segment_head.query_embed': dict(decay_mult=0.)})),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = dict(
    type='OneCycleLR',
    eta_max=1e-4,
    total_steps=max_iters,
    pct_start=0.1,
    by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=4)
load_from = 'work_dirs/cavis-pretrain_r18_movingshapes-tiny/iter_2500.pth'
