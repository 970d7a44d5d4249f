# MovingShapes `tiny` in the form of YouTube-VIS: 24 + 8 videos of 12 frames,
# 96 x 160 pixels. Both splits have annotations.
dataset_type = 'YouTubeVIS'
data_root = 'data/moving_shapes/tiny/'
backend_args = None

train_pipeline = [
    # three random frames of the whole video, in temporal order
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
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
        ann_file='train.json',
        data_prefix=dict(img_path='train/JPEGImages/'),
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
        ann_file='valid_with_gt.json',
        data_prefix=dict(img_path='valid/JPEGImages/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

val_evaluator = dict(type='VISMetric')
test_evaluator = val_evaluator
