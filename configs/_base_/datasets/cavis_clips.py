# What the frames of a clip go through in CAVIS on YouTube-VIS and OVIS; a base
# of cavis_coco_*.py. All random choices are shared by the frames. A recipe
# puts ClipSample before them.
resize_cfg = dict(type='RandomChoiceResize', keep_ratio=True, backend='pillow')
frame_transforms = [
    dict(type='LoadVideoFrame'),
    dict(type='LoadFrameAnnotations', with_mask=True),
    dict(
        type='RandomApply',
        prob=0.5,
        transforms=[
            dict(
                resize_cfg, scales=[(1333, side) for side in (400, 500, 600)]),
            # either side of the crop is drawn by itself
            dict(
                type='RandomCrop',
                crop_type='absolute_range',
                crop_size=(384, 600),
                allow_negative_crop=True,
                recompute_bbox=True),
        ]),
    # long side at most 768
    dict(
        resize_cfg,
        scales=[(768, side) for side in (320, 352, 392, 416, 448, 480, 512,
                                         544, 576, 608, 640)]),
]
flip = dict(type='RandomFlip', prob=0.5)
video_transforms = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[*frame_transforms, flip]),
    dict(type='PackClipInputs'),
]
# COCO images, frame by frame turned a little further
pseudo_transforms = [
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            *frame_transforms,
            dict(type='PseudoRotation', max_angle=15.), flip
        ]),
    dict(type='PackClipInputs'),
]
test_transforms = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(
                type='Resize',
                scale=(1333, 448),
                keep_ratio=True,
                backend='pillow'),
        ]),
    dict(type='PackClipInputs'),
]
