# Cityscapes, single images with the maps of createPanopticImgs of
# cityscapesscripts: 8 classes of things and 11 of stuff, as Cityscapes-VPS.
_base_ = './coco_panoptic.py'
data_root = 'data/cityscapes/'
# long side at most twice the short side, which is that of all images
short_sides = (512, 768, 1024, 1152, 1280, 1408, 1536, 1664, 1792, 1920, 2048)
train_pipeline = [
    dict(type='ClipSample', num_frames=1),
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame', backend_args=_base_.backend_args),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(
                type='RandomChoiceResize',
                scales=[(2 * side, side) for side in short_sides],
                keep_ratio=True),
            # width, height
            dict(type='ThingCrop', crop_size=(1024, 512)),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
test_pipeline = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame', backend_args=_base_.backend_args)
        ]),
    dict(type='PackClipInputs'),
]

train_dataloader = dict(
    batch_size=4,  # images per GPU
    dataset=dict(
        layout='cityscapes',
        class_table='cityscapes_vps',
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_train_trainId.json',
        data_prefix=dict(
            img_path='leftImg8bit/train/',
            seg_map_path='gtFine/cityscapes_panoptic_train_trainId/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        layout='cityscapes',
        class_table='cityscapes_vps',
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_val_trainId.json',
        data_prefix=dict(
            img_path='leftImg8bit/val/',
            seg_map_path='gtFine/cityscapes_panoptic_val_trainId/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
