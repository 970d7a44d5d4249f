# HybridTracker on VIPER, to be tested with the checkpoint of stage 2
# or stage 3.
_base_ = [
    '../_base_/models/hybrid-tracker_r50_fpn.py',
    '../_base_/datasets/viper.py', '../_base_/default_runtime.py'
]
model = dict(
    segmentor=dict(
        panoptic_head=dict(num_things=10, num_stuff=13),
        backbone=dict(init_cfg=None)))
# no training
train_cfg = train_dataloader = optim_wrapper = None
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
