# COCO 2017 panoptic segmentation, 80 classes of things and 53 of stuff. Images
# are videos of one frame here, and VPQ over one frame is PQ: no panopticapi is
# needed. The model also takes mmdet's own data set, see the README.
dataset_type = 'PanopticImages'
data_root = 'data/coco/'
backend_args = None

train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFramePanoptic', with_mask=False),
            # short side 640 ... 800, long side at most 1333
            dict(
                type='RandomChoiceResize',
                scales=[(1333, side) for side in range(640, 801, 32)],
                keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='Resize', scale=(1333, 800), keep_ratio=True),
        ]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=2,  # images per GPU
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        class_table='coco_panoptic',
        data_root=data_root,
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(
            img_path='train2017/',
            seg_map_path='annotations/panoptic_train2017/'),
        check_files='none',
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='VideoWindowSampler', window=1),
    dataset=dict(
        type=dataset_type,
        class_table='coco_panoptic',
        data_root=data_root,
        ann_file='annotations/panoptic_val2017.json',
        data_prefix=dict(
            img_path='val2017/', seg_map_path='annotations/panoptic_val2017/'),
        check_files='none',
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

val_evaluator = [dict(type='VPQMetric', windows=(1, ))]
test_evaluator = val_evaluator
