# Temporal refiner of CAVIS on MovingShapes in the form of VIPSeg; segmenter
# and tracker are frozen.
_base_ = './cavis-online_r18_movingshapes-vps-tiny.py'
model = dict(
    stage='offline',
    refiner=dict(
        type='TemporalRefiner',
        num_classes=10,
        embed_dims=64,
        num_heads=4,
        feedforward_channels=256,
        num_layers=3))
train_pipeline = [
    dict(type='ClipSample', num_frames=8, mode='dense', reverse_prob=0.5),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=_base_.frame_transforms),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

max_iters = 200
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
load_from = 'work_dirs/cavis-online_r18_movingshapes-vps-tiny/iter_300.pth'
