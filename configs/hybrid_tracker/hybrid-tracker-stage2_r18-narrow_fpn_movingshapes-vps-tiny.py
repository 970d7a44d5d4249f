# Instance tracker of the HybridTracker that comes with the package.
_base_ = './hybrid-tracker-stage2_r18_fpn_movingshapes-vps-tiny.py'
model = dict(
    segmentor=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192]),
        init_cfg=dict(
            checkpoint='work_dirs/panoptic-fcn_r18-narrow_fpn_movingshapes-'
            'vps-tiny/iter_3000.pth')),
    instance_head=dict(fc_channels=(256, 256)))
