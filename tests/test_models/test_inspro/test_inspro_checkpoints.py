"""Parameter counts, and the names that public checkpoints use."""
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

import mmvis_plugin  # noqa: F401
from mmvis_plugin.registry import MODELS

CONFIGS = Path(__file__).parents[3] / 'configs'


def build_r50(**overrides):
    cfg = Config.fromfile(CONFIGS / '_base_/models/inspro_r50_fpn.py')
    cfg.merge_from_dict({
        f'model.{key.replace("__", ".")}': value
        for key, value in overrides.items()
    })
    init_default_scope('mmdet')
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def count(module):
    return sum(p.numel() for p in module.parameters())


def sparse_rcnn():
    """mmdet's Sparse R-CNN R-50 with 100 proposals and 80 classes."""
    init_default_scope('mmdet')
    cfg = Config.fromfile(CONFIGS / '_base_/models/inspro_r50_fpn.py').model
    head = dict(cfg.roi_head.bbox_head, type='DIIHead', num_classes=80)
    head.pop('num_mask_params')
    with torch.device('meta'):
        return MODELS.build(
            dict(
                type='SparseRCNN',
                backbone=cfg.backbone,
                neck=cfg.neck,
                rpn_head=cfg.rpn_head,
                roi_head=dict(
                    type='SparseRoIHead',
                    num_stages=6,
                    stage_loss_weights=[1] * 6,
                    proposal_feature_channel=256,
                    bbox_roi_extractor=dict(
                        type='SingleRoIExtractor',
                        roi_layer=dict(
                            type='RoIAlign', output_size=7, sampling_ratio=2),
                        out_channels=256,
                        featmap_strides=[4, 8, 16, 32]),
                    bbox_head=[head] * 6),
                test_cfg=ConfigDict(rpn=None, rcnn=dict(max_per_img=100))))


def test_parameter_counts_of_the_paper_model():
    model = build_r50()
    head = model.roi_head
    assert count(model.backbone) == 23_508_032
    assert count(model.neck) == 3_344_384
    assert count(model.rpn_head) == 26_000
    generator = count(head.bbox_head[0].fc_mask)
    assert generator == 43_433
    assert count(head.bbox_head[0]) == 13_225_132 + generator
    assert count(head.mask_feat_head) == 1_477_384
    assert count(head.intra_query) == 257
    assert count(model) == 107_967_447


def test_parameter_counts_of_the_variants():
    lite = build_r50(roi_head__lite_head=True)
    assert count(lite) == 107_967_447 + 13_268_565
    vid = build_r50(
        backbone__depth=101,
        roi_head__bbox_head__num_classes=30,
        roi_head__bbox_head__num_mask_params=0,
        roi_head__mask_feat_head=None,
        roi_head__mask_head=None)
    assert count(vid) == 125_206_173


def test_sparse_rcnn_checkpoints_fill_all_but_the_new_parts():
    theirs = sparse_rcnn().state_dict()
    ours = build_r50(roi_head__bbox_head__num_classes=80).state_dict()
    missing = set(ours) - set(theirs)
    assert set(theirs) <= set(ours)
    assert all(ours[key].shape == value.shape for key, value in theirs.items())
    new = ('fc_mask.', 'roi_head.mask_feat_head.', 'roi_head.intra_query.')
    assert missing and all(any(n in key for n in new) for key in missing)
