# Table V: pixel tracker.
_base_ = '../hybrid-tracker_r50_fpn_cityscapesvps.py'
model = dict(
    instance_head=None,
    fusion=dict(weights=(0, 1), fixed=True),
    test_cfg=dict(temporal='none'))
