# Table V: instance tracker, each with its best row.
_base_ = '../hybrid-tracker_r50_fpn_cityscapesvps.py'
model = dict(
    flow=None,
    fusion=dict(weights=(1, 0), fixed=True),
    test_cfg=dict(mutual=False, temporal='none'))
