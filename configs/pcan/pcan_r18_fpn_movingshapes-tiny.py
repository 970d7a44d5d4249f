# Stage 3 of PCAN on MovingShapes in the form of BDD100K MOTS: the refine
# head, everything else frozen.
_base_ = [
    '../_base_/models/pcan_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_mots.py', '../_base_/default_runtime.py'
]
model = dict(
    # mask AP is measured on all detections
    with_detections=True,
    freeze=['detector', 'track_head'])
train_pipeline = [
    dict(
        type='ClipSample',
        num_frames=2,
        frame_range=3,
        mode='ref',
        share_object=True),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='RandomFlip', prob=0.5),
            # classes are forms: without strong changes of colour the model
            # learns the paint of the training videos by heart
            dict(
                type='PhotoMetricDistortion',
                brightness_delta=48,
                contrast_range=(0.5, 1.5),
                saturation_range=(0.3, 1.7),
                hue_delta=120),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(
        # all frames count as neighbours, those without objects too
        filter_cfg=dict(filter_empty_gt=False, min_size=32),
        pipeline=train_pipeline))

max_iters = 600
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4),
    clip_grad=dict(max_norm=10.0, norm_type=2))
param_scheduler = dict(
    type='OneCycleLR',
    eta_max=1e-3,
    total_steps=max_iters,
    pct_start=0.1,
    by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=4)
load_from = ('work_dirs/pcan-stage2-mask_r18_fpn_movingshapes-tiny/'
             'iter_600.pth')
