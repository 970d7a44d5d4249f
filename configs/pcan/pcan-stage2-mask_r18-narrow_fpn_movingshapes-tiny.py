# Stage 2 of the PCAN that comes with the package.
_base_ = './pcan-stage2-mask_r18_fpn_movingshapes-tiny.py'
model = dict(
    detector=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192])))
load_from = ('work_dirs/pcan-stage1-box_r18-narrow_fpn_movingshapes-tiny/'
             'iter_3000.pth')
