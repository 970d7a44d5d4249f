# VIPSeg with the clips of the segmenter of CAVIS. Later stages set other
# clips.
_base_ = './vipseg.py'
load_transforms = [
    dict(type='LoadVideoFrame'),
    dict(type='LoadFramePanoptic'),
    # short side 480 ... 800, long side at most 1333
    dict(
        type='RandomChoiceResize',
        scales=[(1333, side) for side in range(480, 801, 32)],
        keep_ratio=True,
        backend='pillow'),
]
flip = dict(type='RandomFlip', prob=0.5)
video_transforms = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[*load_transforms, flip]),
    dict(type='PackClipInputs'),
]
# of 15 frames, a part is seen
cropped_transforms = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            *load_transforms,
            dict(
                type='RandomCrop',
                crop_size=(608, 608),
                allow_negative_crop=True,
                recompute_bbox=True), flip
        ]),
    dict(type='PackClipInputs'),
]
# draws without replacement; the released code draws with it
train_pipeline = [
    dict(type='ClipSample', num_frames=3, frame_range=2, mode='ref'),
    *video_transforms
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(
                type='Resize',
                scale=(1333, 720),
                keep_ratio=True,
                backend='pillow'),
        ]),
    dict(type='PackClipInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# the windows that the results of CAVIS are means over
val_evaluator = [
    dict(type='VPQMetric', windows=(1, 2, 4, 6, 8)),
    dict(type='STQMetric', numbering='vipseg'),
]
test_evaluator = val_evaluator
