# Table V: both trackers without temporal consistency.
_base_ = '../hybrid-tracker_r50_fpn_cityscapesvps.py'
model = dict(test_cfg=dict(temporal='none'))
