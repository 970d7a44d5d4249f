# MovingShapes `tiny` in the form of BDD100K MOTS: 240 + 8 videos of 12 frames,
# 96 x 160 pixels; made by tools/dataset_converters/make_moving_shapes.py with
# --format bdd_mots --set num_train=240. Four of the eight classes occur.
dataset_type = 'BDD100KMOTS'
data_root = 'data/moving_shapes/tiny-240_mots/'
backend_args = None

train_pipeline = [
    # two frames, at most three frames apart
    dict(type='ClipSample', num_frames=2, frame_range=3, mode='ref'),
    # the same flip for all frames of a clip
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFrameAnnotations', with_mask=True),
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
    batch_size=4,  # clips
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='labels/seg_track_20/bitmasks/train',
        data_prefix=dict(img_path='images/seg_track_20/train/'),
        workers=1,
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    # window: frames per step; None for whole videos, 1 for frame by frame
    sampler=dict(type='VideoWindowSampler', window=None),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='labels/seg_track_20/bitmasks/val',
        data_prefix=dict(img_path='images/seg_track_20/val/'),
        workers=1,
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

# A class that does not occur counts as 0 in the means: at best they are 50.
val_evaluator = [
    dict(type='MOTSMetric', classwise=True),
    dict(type='FrameCocoMetric', metric='segm', proposal_nums=(1, 10, 100)),
]
test_evaluator = val_evaluator
