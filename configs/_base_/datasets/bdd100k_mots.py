# BDD100K MOTS (seg_track_20): 8 classes, 1280 x 720, about 200 frames a video.
# The JSON files are made of the official labels by
# tools/dataset_converters/bdd100k.py. The labels can be read as they are, too,
# with ann_file='labels/seg_track_20/bitmasks/train' and cache_dir, a folder
# that saves parsing them at every start.
dataset_type = 'BDD100KMOTS'
data_root = 'data/bdd100k/'
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
            dict(type='Resize', scale=(1296, 720), keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='Resize', scale=(1296, 720), keep_ratio=True),
        ]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=4,  # clips per GPU
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/bdd100k_mots_train.json',
        data_prefix=dict(img_path='images/seg_track_20/train/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # window: frames per step; None for whole videos, 1 for frame by frame
    sampler=dict(type='VideoWindowSampler', window=16),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/bdd100k_mots_val.json',
        data_prefix=dict(img_path='images/seg_track_20/val/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
# The labels of the test set are not public. For a submission: ann_file='',
# img_path='images/seg_track_20/test/', and MOTSMetric alone with
# format_only=True and outfile_prefix.
test_dataloader = val_dataloader

# Both take what the model predicts once: mMOTSA and so on from the tracks,
# and the mask AP of the benchmark (100 detections per frame) from
# pred_instances, or from the tracks of a model that gives no detections.
# mmdet's CocoVideoMetric knows neither tracks nor windows of frames.
val_evaluator = [
    dict(type='MOTSMetric', classwise=True),
    dict(type='FrameCocoMetric', metric='segm', proposal_nums=(1, 10, 100)),
]
test_evaluator = val_evaluator
