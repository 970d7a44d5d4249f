# Table VI: pixel tracker with temporal consistency.
_base_ = '../hybrid-tracker_r50_fpn_viper.py'
model = dict(instance_head=None, fusion=dict(weights=(0, 1), fixed=True))
