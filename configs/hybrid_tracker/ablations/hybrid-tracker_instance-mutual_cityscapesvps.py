# Table V: instance tracker with mutual check.
_base_ = '../hybrid-tracker_r50_fpn_cityscapesvps.py'
model = dict(
    flow=None,
    fusion=dict(weights=(1, 0), fixed=True),
    test_cfg=dict(temporal='none'))
