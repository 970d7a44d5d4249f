_base_ = [
    '../_base_/models/inspro_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vis.py', '../_base_/default_runtime.py'
]
train_pipeline = [
    # three random frames of the whole video, in temporal order
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(
                type='RandomFlip',
                prob=[0.25, 0.25, 0.25],
                direction=['horizontal', 'vertical', 'diagonal']),
            # classes are forms: without strong changes of colour the model
            # learns the paint of the 24 training videos by heart
            dict(
                type='PhotoMetricDistortion',
                brightness_delta=48,
                contrast_range=(0.5, 1.5),
                saturation_range=(0.3, 1.7),
                hue_delta=120),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(batch_size=3, dataset=dict(pipeline=train_pipeline))

max_iters = 500
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
auto_scale_lr = dict(enable=False, base_batch_size=3)
# weights of inspro_r18_fpn_movingshapes-tiny-pretrain.py
load_from = ('work_dirs/inspro_r18_fpn_movingshapes-tiny-pretrain/'
             'iter_1800.pth')
