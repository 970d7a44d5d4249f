# The instance tracker of HybridTracker. mmtrack has no panoptic task: VIPSeg,
# LoadFramePanoptic and the metrics are those of this package, next to the
# arguments, sampler and packing of mmtrack.
_base_ = [
    '../_base_/models/hybrid-tracker_r18_fpn_tiny.py',
    './_base_/default_runtime.py',
]
model = dict(stage='instance')
dataset_type = 'VIPSeg'
data_root = 'data/moving_shapes/tiny_vipseg/'
data_prefix = dict(img_path='images', seg_map_path='panomasksRGB')
metainfo = dict(
    CLASSES=('person', 'cat', 'dog', 'horse', 'wall', 'grass', 'road', 'sky',
             'water', 'tree'))

train_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(type='mmdet.RandomFlip', prob=0.5),
        ]),
    dict(type='PackTrackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='PackTrackInputs', pack_single_img=True),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='panoptic_gt_VIPSeg_train.json',
        data_prefix=data_prefix,
        pipeline=train_pipeline,
        load_as_video=True,
        ref_img_sampler=dict(
            num_ref_imgs=1,
            frame_range=[-5, 5],
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
        metainfo=metainfo,
        ann_file='panoptic_gt_VIPSeg_val.json',
        data_prefix=data_prefix,
        pipeline=test_pipeline,
        load_as_video=True,
        ref_img_sampler=None,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='VPQMetric', windows=(1, 2, 4, 6)),
    dict(type='STQMetric', numbering='clean'),
]
test_evaluator = val_evaluator

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4))
param_scheduler = dict(
    type='PolyLR', power=0.9, begin=0, end=30, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_begin=31)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
load_from = ('work_dirs/panoptic-fcn_r18_fpn_movingshapes-vps-tiny/'
             'iter_3000.pth')
