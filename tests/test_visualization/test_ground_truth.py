import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmvis_plugin.visualization import VideoVisualizer, track_colors
from mmvis_plugin.visualization.ground_truth import (ground_truth,
                                                     panoptic_truth)

H, W = 40, 60
RECORDS = [
    dict(bbox=[10, 10, 20, 20], bbox_label=1, instance_id=3, ignore_flag=0),
    dict(bbox=[30, 10, 50, 34], bbox_label=0, instance_id=4, ignore_flag=1)
]


def sample_of(**metainfo):
    return DetDataSample(metainfo=dict(ori_shape=(H, W), **metainfo))


def packed():
    """A sample as ``PackClipInputs`` makes it."""
    sample = sample_of(img_shape=(H, W), has_ann=True)
    for name, record in zip(('gt_instances', 'ignored_instances'), RECORDS):
        x1, y1, x2, y2 = record['bbox']
        masks = np.zeros((1, H, W), np.uint8)
        masks[0, y1:y2, x1:x2] = 1
        part = InstanceData(
            bboxes=torch.tensor([record['bbox']]).float(),
            labels=torch.tensor([record['bbox_label']]),
            instances_ids=torch.tensor([record['instance_id']]).int(),
            masks=BitmapMasks(masks, H, W))
        setattr(sample, name, part)
    return sample


@pytest.mark.parametrize('sample', [sample_of(instances=RECORDS), packed()])
def test_ignored_objects_come_on_demand(sample):
    assert len(ground_truth(sample)) == 1
    truth = ground_truth(sample, with_ignored=True)
    assert truth.instances_id.tolist() == [3, 4]
    assert truth.labels.tolist() == [1, 0]
    assert truth.ignored.tolist() == [False, True]
    assert truth.bboxes.tolist() == [r['bbox'] for r in RECORDS]


def test_masks_of_packed_objects():
    masks = ground_truth(packed(), with_ignored=True).masks
    assert masks.shape == (2, H, W)
    assert masks.sum(axis=(1, 2)).tolist() == [100, 480]


def test_objects_without_identity():
    sample = packed()
    del sample.gt_instances.instances_ids
    truth = ground_truth(sample, with_ignored=True)
    assert truth.instances_id.tolist() == [-1, 4]


def test_nothing_known():
    nothing = sample_of(has_ann=True)
    nothing.gt_instances = InstanceData()
    for sample in (sample_of(), nothing, sample_of(has_ann=False)):
        assert ground_truth(sample, with_ignored=True) is None
        assert panoptic_truth(sample) is None


def test_ignored_objects_are_hatched_and_said_to_be(monkeypatch):
    seen = []
    monkeypatch.setattr('mmvis_plugin.visualization.text.draw_labels',
                        lambda image, texts, *args: seen.extend(texts))
    image = np.full((H, W, 3), 100, np.uint8)
    visualizer = VideoVisualizer(
        alpha=1., min_side=0, draw_contour=False, draw_ignored=True)
    drawn = visualizer.overlay(image, packed(), draw_gt=True, draw_pred=False)
    assert seen == ['class 1 #3', 'class 0 #4 ignored']
    full, hatched = drawn[10:20, 10:20], drawn[10:34, 30:50]
    assert (full == track_colors([3])).all()
    share = (hatched == track_colors([4])).all(axis=2).mean()
    assert 0.45 < share < 0.55
    assert (hatched == 100).all(axis=2).mean() == 1 - share


@pytest.mark.parametrize('max_width, wanted', [(None, (80, 120)),
                                               (90, (60, 90)), (30, (20, 30)),
                                               (60, (40, 60))])
def test_largest_width_of_what_is_drawn(max_width, wanted):
    image = np.full((H, W, 3), 100, np.uint8)
    visualizer = VideoVisualizer(
        alpha=1.,
        min_side=80,
        max_width=max_width,
        draw_contour=False,
        draw_label=False)
    drawn = visualizer.overlay(image, packed(), draw_gt=True, draw_pred=False)
    assert drawn.shape == (*wanted, 3)
    painted = (drawn == track_colors([3])).all(axis=2)
    assert painted.sum() == pytest.approx(100 * (wanted[0] / H)**2, rel=0.1)
