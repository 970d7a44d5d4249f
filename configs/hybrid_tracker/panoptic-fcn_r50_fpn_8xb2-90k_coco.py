# PanopticFCN on COCO panoptic, the 1x schedule.
_base_ = [
    '../_base_/models/panoptic-fcn_r50_fpn.py',
    '../_base_/datasets/coco_panoptic.py',
    '../_base_/schedules/schedule_poly_90k.py', '../_base_/default_runtime.py'
]
default_hooks = dict(checkpoint=dict(interval=10000))
