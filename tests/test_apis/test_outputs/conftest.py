"""Frames with results that are known by hand."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.apis.outputs import FrameView
from mmvis_plugin.structures import encode_masks

SIZE = (6, 8)


def make_view(frame_id, tracks, with_masks=True, score_thr=0.3):
    """Return a view; tracks are (id, label, score, (x1, y1, x2, y2))."""
    ids, labels, scores, boxes = zip(*tracks) if tracks else [()] * 4
    found = InstanceData(
        instances_id=torch.tensor(ids).long(),
        labels=torch.tensor(labels).long(),
        scores=torch.tensor(scores).float(),
        bboxes=torch.tensor(boxes).float().reshape(-1, 4))
    if with_masks:
        masks = np.zeros((len(tracks), *SIZE), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1:y2, x1:x2] = True
        found.masks = encode_masks(masks)
    sample = DetDataSample(metainfo=dict(frame_id=frame_id, ori_shape=SIZE))
    sample.pred_track_instances = found
    return FrameView(sample, score_thr=score_thr)


def make_map_view(frame_id, values):
    """Return a view of a panoptic map."""
    values = torch.as_tensor(values)[None]
    sample = DetDataSample(
        metainfo=dict(frame_id=frame_id, ori_shape=values.shape[1:]))
    sample.pred_panoptic_seg = PixelData(sem_seg=values)
    return FrameView(sample)


LEFT, RIGHT, MIDDLE = (0, 0, 4, 6), (4, 0, 8, 6), (2, 1, 6, 3)


@pytest.fixture
def views():
    """Three frames: tracks 40 and 7 apart, 7 over 40, nothing above 0.3."""
    return [
        make_view(0, [(40, 1, 0.9, LEFT), (7, 0, 0.8, RIGHT)]),
        make_view(1, [(7, 0, 0.95, MIDDLE), (40, 1, 0.6, LEFT),
                      (9, 2, 0.1, RIGHT)]),
        make_view(2, [(9, 2, 0.2, RIGHT)]),
    ]


@pytest.fixture
def write():
    """Return a function that hands views to a writer."""

    def write_views(writer, views):
        with writer:
            for view in views:
                writer.check(view.sample)
                writer.write(view)

    return write_views


@pytest.fixture
def box_view():
    """A frame of a model without masks."""
    return make_view(0, [(1, 0, 0.9, LEFT)], with_masks=False)


@pytest.fixture
def track_view():
    """Return :func:`make_view`."""
    return make_view


@pytest.fixture
def map_view():
    """Return :func:`make_map_view`."""
    return make_map_view
