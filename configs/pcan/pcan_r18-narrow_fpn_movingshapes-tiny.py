# The PCAN that comes with the package: 24 instead of 32 channels in the
# backbone, for weights below 8 MB in half precision.
_base_ = './pcan_r18_fpn_movingshapes-tiny.py'
model = dict(
    detector=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192])))
# videos of any size become as small as those of the training
test_pipeline = _base_.test_pipeline
test_pipeline[0]['transforms'].append(
    dict(type='Resize', scale=(160, 96), keep_ratio=True))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
load_from = ('work_dirs/pcan-stage2-mask_r18-narrow_fpn_movingshapes-tiny/'
             'iter_600.pth')
