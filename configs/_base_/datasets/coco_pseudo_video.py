# COCO images as clips of three frames; a base of the joint configs.
pseudo_pipeline = [
    dict(type='ClipSample', num_frames=3, mode='dense'),
    # scale and flip are shared by the clip, PseudoMotion draws per frame
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='PseudoMotion', crop_range=(0.8, 1.0), max_angle=0.),
            dict(
                type='RandomChoiceResize',
                scales=[(768, side) for side in range(288, 513, 32)],
                keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
pseudo_dataset = dict(
    type='CocoPseudoVideoDataset',
    class_map=None,  # the joint config names the benchmark
    clip_length=3,
    data_root='data/coco/',
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img_path='train2017/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    pipeline=pseudo_pipeline)
