import copy

import pytest
import torch
from mmengine.config import Config

from mmvis_plugin import testing
from mmvis_plugin.models.cavis import CAVISImageSegmenter
from mmvis_plugin.models.hybrid_tracker import HybridTracker
from .conftest import BASE, SMALL

STUFF = 2


def parts_of_cavis():
    """Return backbone and head of a small CAVIS for panoptic maps."""
    cfg = Config(
        dict(
            backbone=BASE.backbone.to_dict(),
            segment_head=BASE.segment_head.to_dict()))
    cfg.merge_from_dict({
        'backbone': SMALL['backbone'],
        'segment_head': copy.deepcopy(SMALL['segment_head']),
        'segment_head.num_stuff_classes': STUFF
    })
    return cfg.to_dict()


@pytest.fixture
def panoptic(build):
    """Return a function that makes a small CAVIS for panoptic maps."""

    def make(stage):
        return build(
            stage,
            task='vps',
            segment_head=dict(num_stuff_classes=STUFF),
            criterion=dict(num_classes=SMALL['criterion']['num_classes'] +
                           STUFF))

    return make


@torch.no_grad()
def test_finds_what_cavis_finds_on_a_frame(panoptic):
    cavis = panoptic('segmenter').eval()
    segmenter = CAVISImageSegmenter(**parts_of_cavis()).eval()
    segmenter.load_state_dict(cavis.state_dict())
    frames = torch.randn(2, 3, 64, 96)
    feats = segmenter.extract_feat(frames)
    classes, masks = segmenter.panoptic_head(feats, [None] * 2)
    found, _ = cavis.segment_head(cavis.backbone(frames))
    torch.testing.assert_close(classes[-1], found.cls_logits)
    torch.testing.assert_close(masks[-1], found.mask_logits)


def test_weights_have_the_names_of_cavis(panoptic):
    names = set(CAVISImageSegmenter(**parts_of_cavis()).state_dict())
    theirs = set(panoptic('segmenter').state_dict())
    assert {key.split('.')[1]
            for key in theirs - names} == {'reid_embed', 'code'}
    assert names < theirs


def test_own_checkpoints_load_too():
    segmenter = CAVISImageSegmenter(**parts_of_cavis())
    other = CAVISImageSegmenter(**parts_of_cavis())
    other.load_state_dict(segmenter.state_dict())
    for key, value in other.state_dict().items():
        assert value.equal(segmenter.state_dict()[key])


@torch.no_grad()
def test_hybrid_tracker_gives_its_things_identities(panoptic):
    model = HybridTracker(
        segmentor=dict(
            parts_of_cavis(),
            type='CAVISImageSegmenter',
            test_cfg=dict(object_mask_thr=0., iou_thr=0.)),
        instance_head=dict(
            type='InstanceTrackHead',
            in_features=98,
            fc_channels=(16, ),
            roi_size=(7, 14)),
        flow=dict(type='ZeroFlow')).eval()
    weights = panoptic('segmenter').state_dict()
    model.segmentor.load_state_dict(weights)
    things = SMALL['segment_head']['num_things_classes']
    assert model.counts == (things, things + STUFF)
    inputs, samples = testing.fake_clips([[[]] * 3])
    alone = [
        model.segmentor.predict(inputs[:, t], [copy.deepcopy(frame)])[0]
        for t, frame in enumerate(samples[0])
    ]
    result, = model.predict(inputs, samples)
    for frame, single in zip(result, alone):
        pan = frame.pred_panoptic_seg.sem_seg
        raw = single.pred_panoptic_seg.sem_seg.reshape(pan.shape).long()
        kept = pan != things + STUFF
        assert kept.any()
        assert torch.equal((pan % 1000)[kept], (raw % 1000)[kept])
