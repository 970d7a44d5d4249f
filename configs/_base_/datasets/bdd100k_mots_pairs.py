# Pairs of a key and a reference frame for PCAN: the videos of BDD100K MOTS
# and, as their own references, the 10k images of instance segmentation.
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
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='Resize', scale=(1296, 720), keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
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
                _base_.train_dataloader.dataset,
                # frames without objects count as neighbours, too
                filter_cfg=dict(filter_empty_gt=False),
                pipeline=pair_pipeline),
            dict(
                type='BDD100KImages',
                data_root=data_root,
                ann_file='labels/ins_seg_20/ins_seg_train_cocofmt.json',
                data_prefix=dict(img_path='images/10k/train/'),
                filter_cfg=dict(filter_empty_gt=True),
                pipeline=pair_pipeline,
                backend_args=backend_args),
        ]))
# frame by frame: a video is long, and nothing looks ahead
val_dataloader = dict(sampler=dict(window=1))
test_dataloader = val_dataloader
