# Stage 1 of HybridTracker on Cityscapes-VPS: PanopticFCN, fine-tuned from
# Cityscapes for 12 epochs of the 2400 labelled frames.
_base_ = [
    '../_base_/models/panoptic-fcn_r50_fpn_street.py',
    '../_base_/datasets/cityscapes_vps.py',
    '../_base_/schedules/schedule_poly_90k.py', '../_base_/default_runtime.py'
]
# remnants of few pixels are noise to a tracker
model = dict(panoptic_head=dict(test_cfg=dict(min_thing_area=16)))
train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            # 0.5, 0.625, 0.6875, 0.8125, 0.875 and 1 times 1024
            dict(
                type='RandomChoiceResize',
                scales=[(2 * side, side)
                        for side in (512, 640, 704, 832, 896, 1024)],
                keep_ratio=True),
            dict(type='ThingCrop', crop_size=(1024, 512)),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
# single frames: those without labels are of no use
val_dataloader = dict(
    dataset=dict(frames='labelled', data_prefix=dict(img_path='val/img/')))
test_dataloader = val_dataloader
val_evaluator = [dict(type='VPQMetric', windows=(1, ))]  # PQ
test_evaluator = val_evaluator

max_iters = 7200
train_cfg = dict(max_iters=max_iters, val_interval=1200)
optim_wrapper = dict(optimizer=dict(lr=0.0025), clip_grad=dict(clip_value=15))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=1200))
auto_scale_lr = dict(base_batch_size=4)
load_from = 'work_dirs/panoptic-fcn_r50_fpn_8xb4-65k_cityscapes/iter_65000.pth'
