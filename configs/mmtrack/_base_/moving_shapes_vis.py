# MovingShapes `tiny` in the form of YouTube-VIS, read with the dataset
# arguments, transforms, samplers and metric of mmtrack 1.0.0rc1.
dataset_type = 'YouTubeVISDataset'
data_root = 'data/moving_shapes/tiny/'
metainfo = dict(CLASSES=('disc', 'square', 'triangle', 'star5'))

train_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(
                type='LoadTrackAnnotations',
                with_instance_id=True,
                with_mask=True,
                with_bbox=True),
            dict(type='mmdet.Resize', scale=(160, 96), keep_ratio=True),
            dict(type='mmdet.RandomFlip', prob=0.5),
        ]),
    dict(type='PackTrackInputs', ref_prefix='ref', num_key_frames=1),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadTrackAnnotations',
        with_instance_id=True,
        with_mask=True,
        with_bbox=True),
    dict(type='mmdet.Resize', scale=(160, 96), keep_ratio=True),
    dict(type='PackTrackInputs', pack_single_img=True),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='mmdet.AspectRatioBatchSampler'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='train.json',
        data_prefix=dict(img_path='train/JPEGImages'),
        pipeline=train_pipeline,
        load_as_video=True,
        key_img_sampler=dict(interval=1),
        ref_img_sampler=dict(
            num_ref_imgs=2,
            frame_range=100,
            filter_key_img=True,
            method='uniform')))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='VideoSampler'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='valid_with_gt.json',
        data_prefix=dict(img_path='valid/JPEGImages'),
        pipeline=test_pipeline,
        load_as_video=True,
        ref_img_sampler=None,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='YouTubeVISMetric', metric='youtube_vis_ap')
test_evaluator = val_evaluator
