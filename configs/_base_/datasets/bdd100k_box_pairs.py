# Pairs of a key and a reference frame with boxes for PCAN and QDTrack: the
# videos of BDD100K box tracking and, as their own references, the images of
# detection. Tests are those of MOTS, with the boxes of its masks.
_base_ = './bdd100k_mots.py'
data_root = 'data/bdd100k/'
backend_args = None

pair_pipeline = [
    # the reference is up to three frames away and shows one of the objects
    dict(
        type='ClipSample',
        num_frames=2,
        frame_range=3,
        mode='ref',
        share_object=True),
    # the same flip for both
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=backend_args),
            dict(type='LoadFrameAnnotations', with_mask=False),
            dict(type='Resize', scale=(1296, 720), keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
# COCO JSON files from `python -m bdd100k.label.to_coco` of the benchmark,
# with -m box_track and -m det
train_dataloader = dict(
    _delete_=True,
    batch_size=2,  # pairs per GPU
    num_workers=4,
    persistent_workers=True,
    # every frame and image with an object is a key frame once per epoch
    sampler=dict(type='KeyFrameSampler'),
    dataset=dict(
        type='JointVideoDataset',
        datasets=[
            dict(
                type='BDD100KMOTS',
                data_root=data_root,
                ann_file='labels/box_track_20/box_track_train_cocofmt.json',
                data_prefix=dict(img_path='images/track/train/'),
                # frames without objects count as neighbours, too
                filter_cfg=dict(filter_empty_gt=False),
                pipeline=pair_pipeline,
                backend_args=backend_args),
            dict(
                type='BDD100KImages',
                data_root=data_root,
                ann_file='labels/det_20/det_train_cocofmt.json',
                data_prefix=dict(img_path='images/100k/train/'),
                filter_cfg=dict(filter_empty_gt=True),
                pipeline=pair_pipeline,
                backend_args=backend_args),
        ]))
# frame by frame: a video is long, and nothing looks ahead
val_dataloader = dict(sampler=dict(window=1))
test_dataloader = val_dataloader

# tracks of boxes, and detections of frames
val_evaluator = [
    dict(type='BoxTubeMetric', track_score='mean'),
    dict(type='FrameCocoMetric', metric='bbox', proposal_nums=(1, 10, 100)),
]
test_evaluator = val_evaluator
