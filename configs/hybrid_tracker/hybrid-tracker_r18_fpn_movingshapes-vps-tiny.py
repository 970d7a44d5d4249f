# HybridTracker on MovingShapes in the form of VIPSeg, to be tested with the
# checkpoint of stage 2 or stage 3. Flow is exact: the data has to be written
# with --with-flow.
_base_ = [
    '../_base_/models/hybrid-tracker_r18_fpn_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
# no training
train_cfg = train_dataloader = optim_wrapper = None
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
