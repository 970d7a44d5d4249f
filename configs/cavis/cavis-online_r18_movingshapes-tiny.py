# Context-aware tracker of CAVIS on MovingShapes; the segmenter is frozen.
_base_ = './cavis-segmenter_r18_movingshapes-tiny.py'
model = dict(
    stage='online',
    tracker=dict(
        type='ContextAwareTracker',
        num_classes=4,
        embed_dims=64,
        num_heads=4,
        feedforward_channels=256,
        num_layers=3,
        match_mode='fixed'))
train_pipeline = [
    dict(type='ClipSample', num_frames=5, mode='dense'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=_base_.frame_transforms),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# videos of any size become as small as those of the training
test_pipeline = _base_.test_pipeline
test_pipeline[0]['transforms'].append(
    dict(type='Resize', scale=(160, 96), keep_ratio=True))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = dict(eta_max=5e-4, total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
load_from = 'work_dirs/cavis-segmenter_r18_movingshapes-tiny/iter_300.pth'
