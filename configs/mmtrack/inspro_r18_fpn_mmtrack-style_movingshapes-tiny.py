# InsPro in place of MaskTrack R-CNN: epochs of key frames, two references.
_base_ = [
    '../_base_/models/inspro_r18_fpn_tiny.py',
    './_base_/moving_shapes_vis.py',
    './_base_/default_runtime.py',
]

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(
        type='mmdet.LinearLR',
        start_factor=1.0 / 3.0,
        by_epoch=False,
        begin=0,
        end=100),
    dict(
        type='mmdet.MultiStepLR',
        begin=0,
        end=12,
        by_epoch=True,
        milestones=[8, 11],
        gamma=0.1),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_begin=13)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
