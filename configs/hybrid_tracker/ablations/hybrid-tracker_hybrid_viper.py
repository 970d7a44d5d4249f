# Table VI: both trackers without temporal consistency.
_base_ = '../hybrid-tracker_r50_fpn_viper.py'
model = dict(test_cfg=dict(temporal='none'))
