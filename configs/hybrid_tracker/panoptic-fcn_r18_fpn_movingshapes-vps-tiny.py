# PanopticFCN on MovingShapes in the form of VIPSeg, from scratch: four classes
# of things, six of stuff. Frames are images to it; VPQ over one frame is PQ.
# Made with --profile tiny --format vipseg --set num_train=240: 24 videos show
# too few things to tell their classes apart.
_base_ = [
    '../_base_/models/panoptic-fcn_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
num_things = 4
num_stuff = 6
model = dict(panoptic_head=dict(num_things=num_things, num_stuff=num_stuff))
train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
        ]),
    dict(type='PackClipInputs'),
]
data_root = 'data/moving_shapes/tiny-240_vipseg/'
train_dataloader = dict(
    batch_size=8, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

max_iters = 3000
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.),
    clip_grad=dict(type='value', clip_value=5))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=100),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=8)
