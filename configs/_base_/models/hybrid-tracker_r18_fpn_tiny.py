# HybridTracker on the tiny PanopticFCN. The instance tracker is the full one;
# flow comes out of the files of MovingShapes.
_base_ = './panoptic-fcn_r18_fpn_tiny.py'
num_things = 4
num_stuff = 6
model = dict(
    _delete_=True,
    type='HybridTracker',
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=dict(
        _base_.model,
        data_preprocessor=None,
        panoptic_head=dict(
            _base_.model.panoptic_head,
            num_things=num_things,
            num_stuff=num_stuff)),
    instance_head=dict(type='InstanceTrackHead'),
    flow=dict(type='ExactFlow', data_root='data/moving_shapes/tiny_vipseg/'),
    fusion=dict(type='SimilarityFusion', weights=(1 / 3, 2 / 3)),
    loss_match=dict(type='DMLLoss', loss='bce'),
    test_cfg=dict(temporal='bidirectional', memory_frames=2, min_area=16))
