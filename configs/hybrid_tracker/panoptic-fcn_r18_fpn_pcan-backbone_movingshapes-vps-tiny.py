# The same PanopticFCN from the backbone of PCAN's first stage, whose 3000
# iterations count: its own backbone is what the small CAVIS starts from.
_base_ = './panoptic-fcn_r18_fpn_movingshapes-vps-tiny.py'
model = dict(
    backbone=dict(
        init_cfg=dict(
            _delete_=True,
            type='Pretrained',
            checkpoint='work_dirs/pcan-stage1-box_r18_fpn_movingshapes-tiny/'
            'iter_3000.pth',
            prefix='detector.backbone.')))
