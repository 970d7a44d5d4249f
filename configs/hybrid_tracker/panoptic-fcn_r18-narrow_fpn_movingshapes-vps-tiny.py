# Segmenter of the HybridTracker that comes with the package: 24 instead of 32
# channels in the backbone.
_base_ = './panoptic-fcn_r18_fpn_movingshapes-vps-tiny.py'
model = dict(
    backbone=dict(base_channels=24, stem_channels=24),
    neck=dict(in_channels=[24, 48, 96, 192]))
