# Segmenter of CAVIS on MovingShapes in the form of VIPSeg: four classes of
# things, six of stuff. It starts from the weights for instances, without their
# classes. Data: tools/dataset_converters/make_moving_shapes.py with
# --profile tiny --format vipseg --set num_train=240.
_base_ = [
    '../_base_/models/cavis_r18_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
num_things_classes = 4
num_stuff_classes = 6
num_classes = num_things_classes + num_stuff_classes
model = dict(
    task='vps',
    segment_head=dict(
        num_things_classes=num_things_classes,
        num_stuff_classes=num_stuff_classes),
    criterion=dict(num_classes=num_classes))
frame_transforms = [
    dict(type='LoadVideoFrame'),
    dict(type='LoadFramePanoptic'),
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
data_root = 'data/moving_shapes/tiny-240_vipseg/'
train_dataloader = dict(
    batch_size=4, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

max_iters = 600
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
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
    eta_max=5e-4,
    total_steps=max_iters,
    pct_start=0.1,
    by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=4)
load_from = 'work_dirs/cavis-pretrain_r18_movingshapes-tiny/iter_2500.pth'
