# MovingShapes `tiny` in the form of VIPSeg: 24 + 8 videos of 12 frames,
# 96 x 160 pixels, every frame labelled. Made by
# tools/dataset_converters/make_moving_shapes.py --format vipseg.
_base_ = './vipseg.py'
data_root = 'data/moving_shapes/tiny_vipseg/'
metainfo = dict(
    # the classes of VIPSeg that stand for the shapes and regions in use:
    # disc, square, triangle, star5; sky, wall, plants, ground, water, road
    classes=('person', 'cat', 'dog', 'horse', 'wall', 'grass', 'road', 'sky',
             'water', 'tree'))

train_pipeline = [
    # three random frames of the whole video, in temporal order
    dict(type='ClipSample', num_frames=3, frame_range=None, mode='ref'),
    # the same flip for all frames of a clip
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame', backend_args=_base_.backend_args),
            dict(type='LoadFramePanoptic'),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=4,  # clips
    num_workers=1,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    sampler=dict(window=None),
    dataset=dict(data_root=data_root, metainfo=metainfo))
test_dataloader = val_dataloader

# truth is clean here
val_evaluator = [
    dict(type='VPQMetric', windows=(1, 2, 4, 6)),
    dict(type='STQMetric', numbering='clean'),
]
test_evaluator = val_evaluator
