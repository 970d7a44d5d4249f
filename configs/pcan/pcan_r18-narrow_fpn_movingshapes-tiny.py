# The PCAN that comes with the package: 24 instead of 32 channels in the
# backbone, for weights below 8 MB in half precision.
_base_ = './pcan_r18_fpn_movingshapes-tiny.py'
model = dict(
    detector=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192])))
load_from = ('work_dirs/pcan-stage2-mask_r18-narrow_fpn_movingshapes-tiny/'
             'iter_600.pth')
