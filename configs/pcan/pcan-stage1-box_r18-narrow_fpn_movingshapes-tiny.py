# Stage 1 of the PCAN that comes with the package.
_base_ = './pcan-stage1-box_r18_fpn_movingshapes-tiny.py'
model = dict(
    detector=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192])))
