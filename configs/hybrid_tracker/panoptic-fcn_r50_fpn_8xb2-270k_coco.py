# PanopticFCN on COCO panoptic, the 3x schedule.
_base_ = './panoptic-fcn_r50_fpn_8xb2-90k_coco.py'
max_iters = 270000
train_cfg = dict(max_iters=max_iters, val_interval=30000)
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
