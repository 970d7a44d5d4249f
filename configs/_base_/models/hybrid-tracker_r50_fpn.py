# HybridTracker: PanopticFCN for street scenes, the instance tracker on masks,
# and RAFT as the pixel tracker. A recipe sets the numbers of classes and says
# where the weights of segmenter and flow come from.
_base_ = './panoptic-fcn_r50_fpn_street.py'
model = dict(
    _delete_=True,
    type='HybridTracker',
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=dict(_base_.model, data_preprocessor=None),
    # 28 x 56 values of a mask on a canvas of 256 x 512
    instance_head=dict(
        type='InstanceTrackHead',
        in_features=1568,
        fc_channels=(1024, 1024),
        roi_source='mask',
        canvas_size=(256, 512),
        roi_size=(28, 56)),
    # All pairs of cells of 1024 x 2048 pixels take 5.7 GB. Where that is too
    # much: corr_impl='chunked', or flow_scale=0.5.
    flow=dict(type='RAFT', iters=20, corr_impl='volume', flow_scale=1.0),
    fusion=dict(
        type='SimilarityFusion', weights=(1 / 3, 2 / 3), class_aware=True),
    loss_match=dict(type='DMLLoss', loss='bce'),
    test_cfg=dict(
        thr=1e-5,
        theta=0.01,
        mutual=True,
        temporal='bidirectional',
        memory_frames=2,
        min_area=16))
