# Cityscapes-VPS: 30 frames per video, every 5th labelled. 19 classes, 8 of
# them things. The files panoptic_gt_* and panoptic_video are made by
# tools/dataset_converters/cityscapes_vps.py.
dataset_type = 'CityscapesVPS'
data_root = 'data/cityscapes_vps/'
backend_args = None

train_pipeline = [
    # a labelled frame and the one before or after it, 5 frames apart
    dict(type='ClipSample', num_frames=2, frame_range=1, mode='ref'),
    # one draw of scale, crop and flip for both
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFramePanoptic'),
            # short side 512 ... 1024 of 1024
            dict(
                type='RandomChoiceResize',
                scales=[(2 * side, side) for side in range(512, 1025, 128)],
                keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_size=(1024, 512),  # width, height
                allow_negative_crop=True,
                recompute_bbox=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[dict(type='LoadVideoFrame', backend_args=backend_args)]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=1,  # clips per GPU
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='panoptic_gt_train_city_vps.json',
        data_prefix=dict(
            img_path='train/img/', seg_map_path='train/panoptic_video/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
# All 30 frames are shown to the model, the 6 labelled ones are scored. To
# show those alone: frames='labelled' and img_path='val/img/'.
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # frames per step; 30 frames of this size are 190 MB before the model
    sampler=dict(type='VideoWindowSampler', window=1),
    dataset=dict(
        type=dataset_type,
        frames='all',
        data_root=data_root,
        ann_file='panoptic_gt_val_city_vps.json',
        data_prefix=dict(
            img_path='val/img_all/', seg_map_path='val/panoptic_video/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

# windows of labelled frames: k = 0, 5, 10, 15 of the paper
val_evaluator = [
    dict(type='VPQMetric', windows=(1, 2, 3, 4)),
    dict(type='STQMetric', numbering='clean'),
]
test_evaluator = val_evaluator
