# PCAN in place of QDTrack: one key and one reference frame; all parts are
# trained at once. A dataset of this package, BDD100KMOTS, takes the arguments
# of mmtrack as well.
_base_ = [
    '../_base_/models/pcan_r18_fpn_tiny.py',
    './_base_/default_runtime.py',
]
dataset_type = 'BDD100KMOTS'
data_root = 'data/moving_shapes/tiny-240_mots/'

train_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(
                type='LoadTrackAnnotations',
                with_instance_id=True,
                with_mask=True),
            dict(type='mmdet.RandomFlip', prob=0.5),
            dict(type='mmdet.PhotoMetricDistortion'),
        ]),
    dict(type='PackTrackInputs', ref_prefix='ref'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[dict(type='LoadImageFromFile')]),
    dict(type='PackTrackInputs', pack_single_img=False),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='mmdet.AspectRatioBatchSampler'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='labels/seg_track_20/bitmasks/train',
        data_prefix=dict(img_path='images/seg_track_20/train'),
        workers=1,
        pipeline=train_pipeline,
        load_as_video=True,
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        ref_img_sampler=dict(
            num_ref_imgs=1,
            frame_range=3,
            filter_key_img=True,
            method='uniform')))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='VideoSampler'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='labels/seg_track_20/bitmasks/val',
        data_prefix=dict(img_path='images/seg_track_20/val'),
        workers=1,
        pipeline=test_pipeline,
        load_as_video=True,
        ref_img_sampler=None,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='MOTSMetric'),
    dict(type='CocoVideoMetric', metric=['bbox', 'segm']),
]
test_evaluator = val_evaluator

# mask AP is measured on all detections
model = dict(with_detections=True)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = dict(
    type='MultiStepLR',
    begin=0,
    end=4,
    by_epoch=True,
    milestones=[3],
    gamma=0.1)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_begin=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
