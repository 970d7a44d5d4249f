# YouTube-VIS 2019, official archive and JSON. 40 classes.
dataset_type = 'YouTubeVIS'
data_root = 'data/youtube_vis_2019/'
dataset_version = '2019'
backend_args = None

train_pipeline = [
    # three random frames of the whole video, in temporal order; the method
    # section of InsPro speaks of consecutive ones (mode='dense')
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    # one draw of scale and flip for all frames of a clip
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFrameAnnotations', with_mask=True),
            # short side 288 ... 512, long side at most 768
            dict(
                type='RandomChoiceResize',
                scales=[(768, side) for side in range(288, 513, 32)],
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
            dict(type='Resize', scale=(640, 360), keep_ratio=True),
        ]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=1,  # clips per GPU
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        version=dataset_version,
        data_root=data_root,
        ann_file='train.json',
        data_prefix=dict(img_path='train/JPEGImages/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
# The labels of the validation set are not public: results are written for
# the server. For a score, split train.json by video and point ann_file and
# img_path at the part held out.
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # window: frames per step; None for whole videos, 1 for frame by frame
    sampler=dict(type='VideoWindowSampler', window=None),
    dataset=dict(
        type=dataset_type,
        version=dataset_version,
        data_root=data_root,
        ann_file='valid.json',
        data_prefix=dict(img_path='valid/JPEGImages/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='VISMetric',
    format_only=True,
    outfile_prefix='work_dirs/youtube_vis_2019_valid')
test_evaluator = val_evaluator
