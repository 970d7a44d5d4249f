# PanopticFCN on Cityscapes, single images.
_base_ = [
    '../_base_/models/panoptic-fcn_r50_fpn_street.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/schedule_poly_90k.py', '../_base_/default_runtime.py'
]

max_iters = 65000
train_cfg = dict(max_iters=max_iters, val_interval=5000)
# 15 is that of a port with PQ 59.0; the author of PanopticFCN names 5
optim_wrapper = dict(optimizer=dict(lr=0.02), clip_grad=dict(clip_value=15))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=5000))
auto_scale_lr = dict(base_batch_size=32)
