# HybridTracker on the segmenter of the small CAVIS instead of PanopticFCN, for
# tests. Weights: tools/model_converters/join_weights.py OUT STAGE2
# segmentor=CAVIS, where STAGE2 is a checkpoint of hybrid-tracker-stage2_r18_
# fpn_movingshapes-vps-tiny.py and CAVIS one of cavis-segmenter_r18_
# movingshapes-vps-tiny.py.
_base_ = [
    '../_base_/models/cavis_r18_tiny.py',
    '../_base_/datasets/moving_shapes_vps.py', '../_base_/default_runtime.py'
]
cavis = _base_.model
model = dict(
    _delete_=True,
    type='HybridTracker',
    data_preprocessor=cavis.data_preprocessor,
    segmentor=dict(
        type='CAVISImageSegmenter',
        backbone=cavis.backbone,
        segment_head=dict(
            cavis.segment_head, num_things_classes=4, num_stuff_classes=6),
        # as the small CAVIS reports segments
        test_cfg=dict(object_mask_thr=0.5)),
    instance_head=dict(type='InstanceTrackHead'),
    flow=dict(type='ExactFlow', data_root='data/moving_shapes/tiny_vipseg/'),
    fusion=dict(type='SimilarityFusion', weights=(1 / 3, 2 / 3)),
    test_cfg=dict(temporal='bidirectional', memory_frames=2, min_area=16))

# no training
train_cfg = train_dataloader = optim_wrapper = None
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
