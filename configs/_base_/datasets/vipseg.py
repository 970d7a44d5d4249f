# VIPSeg in its 720P form, made by tools/dataset_converters/vipseg.py. 124
# classes, 58 of them things; every frame labelled. The download itself is
# read with ann_file='train.txt' and the folders imgs/ and panomasks/.
dataset_type = 'VIPSeg'
data_root = 'data/VIPSeg/VIPSeg_720P/'
backend_args = None

train_pipeline = [
    # three random frames of the whole video, in temporal order
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    # one draw of scale, crop and flip for all frames of a clip
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFramePanoptic'),
            # short side 480 ... 800
            dict(
                type='RandomChoiceResize',
                scales=[(4000, side) for side in range(480, 801, 64)],
                keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_size=(608, 608),
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
        ann_file='panoptic_gt_VIPSeg_train.json',
        data_prefix=dict(img_path='images/', seg_map_path='panomasksRGB/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
        backend_args=backend_args))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # window: frames per step; None for whole videos, 1 for frame by frame
    sampler=dict(type='VideoWindowSampler', window=8),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='panoptic_gt_VIPSeg_val.json',
        data_prefix=dict(img_path='images/', seg_map_path='panomasksRGB/'),
        pipeline=test_pipeline,
        test_mode=True,
        backend_args=backend_args))
test_dataloader = val_dataloader

# published means are over these windows; the script of the data set also
# runs 8. numbering='vipseg' is for comparison with published STQ.
val_evaluator = [
    dict(type='VPQMetric', windows=(1, 2, 4, 6)),
    dict(type='STQMetric', numbering='vipseg'),
]
test_evaluator = val_evaluator
