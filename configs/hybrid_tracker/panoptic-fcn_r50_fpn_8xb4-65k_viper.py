# Stage 1 of HybridTracker on VIPER: PanopticFCN from ImageNet, with the
# schedule for Cityscapes. 4 images per step go with lr 0.0025.
_base_ = [
    '../_base_/models/panoptic-fcn_r50_fpn_street.py',
    '../_base_/datasets/viper.py', '../_base_/schedules/schedule_poly_90k.py',
    '../_base_/default_runtime.py'
]
model = dict(
    panoptic_head=dict(
        num_things=10,
        num_stuff=13,
        # remnants of few pixels are noise to a tracker
        test_cfg=dict(min_thing_area=16)))
train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            # about 0.5, 0.625, 0.6875, 0.8125, 0.875 and 1 times 1080
            dict(
                type='RandomChoiceResize',
                scales=[(2 * side, side)
                        for side in (544, 672, 736, 864, 928, 1080)],
                keep_ratio=True),
            dict(type='ThingCrop', crop_size=(1024, 512)),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_evaluator = [
    dict(
        type='VPQMetric',
        windows=(1, ),  # PQ
        min_area=1024,
        skip_categories=(11, ))
]
test_evaluator = val_evaluator

max_iters = 65000
train_cfg = dict(max_iters=max_iters, val_interval=5000)
optim_wrapper = dict(optimizer=dict(lr=0.02), clip_grad=dict(clip_value=15))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=5000))
auto_scale_lr = dict(base_batch_size=32)
