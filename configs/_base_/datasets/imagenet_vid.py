# ImageNet VID and the images of ImageNet DET with its classes, one to one.
# 30 classes, boxes only. The JSON files are made of the official XML files by
# tools/dataset_converters/imagenet_vid.py.
data_root = 'data/ILSVRC/'
backend_args = None

load_and_augment = dict(
    # one draw of scale and flip for all frames of a clip
    type='TransformBroadcaster',
    share_random_params=True,
    transforms=[
        dict(type='LoadVideoFrame', backend_args=backend_args),
        dict(type='LoadFrameAnnotations', with_mask=False),
        # short side 288 ... 512, long side at most 768
        dict(
            type='RandomChoiceResize',
            scales=[(768, side) for side in range(288, 513, 32)],
            keep_ratio=True),
        dict(type='RandomFlip', prob=0.5),
    ])
train_pipeline = [
    # three random frames of the whole video, in temporal order
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    load_and_augment,
    dict(type='PackClipInputs'),
]
still_pipeline = [
    # three times the same image
    dict(type='ClipSample', num_frames=3, mode='dense'),
    load_and_augment,
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
    # ratio: clips of videos to clips of still images
    sampler=dict(type='JointVideoSampler', ratio=(1, 1)),
    dataset=dict(
        type='JointVideoDataset',
        datasets=[
            dict(
                type='ImageNetVID',
                data_root=data_root,
                ann_file='annotations/imagenet_vid_train.json',
                data_prefix=dict(img_path='Data/VID/'),
                filter_cfg=dict(filter_empty_gt=True, min_size=32),
                pipeline=train_pipeline,
                backend_args=backend_args),
            dict(
                type='ImageNetDET',
                clip_length=3,
                data_root=data_root,
                ann_file='annotations/imagenet_det_train.json',
                data_prefix=dict(img_path='Data/DET/'),
                filter_cfg=dict(filter_empty_gt=True, min_size=32),
                pipeline=still_pipeline,
                backend_args=backend_args),
        ]))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # frames per step; videos have up to some thousand frames
    sampler=dict(type='VideoWindowSampler', window=32),
    dataset=dict(
        type='ImageNetVID',
        data_root=data_root,
        ann_file='annotations/imagenet_vid_val.json',
        data_prefix=dict(img_path='Data/VID/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

val_evaluator = dict(type='BoxTubeMetric')
test_evaluator = val_evaluator
