# PanopticFCN-600, for images of a short side of 600.
_base_ = './panoptic-fcn_r50_fpn_8xb2-270k_coco.py'
model = dict(panoptic_head=dict(num_positions=5))
train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            # short side 440 ... 600, long side at most 1000
            dict(
                type='RandomChoiceResize',
                scales=[(1000, side) for side in range(440, 601, 32)],
                keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='Resize', scale=(1000, 600), keep_ratio=True),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
