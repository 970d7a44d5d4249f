import json

import numpy as np
import pycocotools.mask as mask_utils
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.apis.frame_predictions import frame_predictions
from mmvis_plugin.structures import encode_masks


def test_tracks_with_masks():
    mask = np.zeros((1, 4, 6), bool)
    mask[0, 1:3, 2:] = True
    sample = DetDataSample(metainfo=dict(frame_id=3))
    sample.pred_track_instances = InstanceData(
        instances_id=torch.tensor([7]),
        labels=torch.tensor([1]),
        scores=torch.tensor([0.5]),
        bboxes=torch.tensor([[2., 1., 6., 3.]]),
        masks=encode_masks(mask))
    found = json.loads(json.dumps(frame_predictions(sample)))
    code = found.pop('masks')[0]
    np.testing.assert_array_equal(mask_utils.decode(code), mask[0])
    assert found == dict(
        frame_id=3,
        instances_id=[7],
        labels=[1],
        scores=[0.5],
        bboxes=[[2, 1, 6, 3]])


def test_boxes_alone_and_nothing():
    sample = DetDataSample()
    sample.pred_track_instances = InstanceData(
        instances_id=torch.zeros(0).long(),
        labels=torch.zeros(0).long(),
        scores=torch.zeros(0),
        bboxes=torch.zeros(0, 4))
    assert frame_predictions(sample) == dict(
        frame_id=None, instances_id=[], labels=[], scores=[], bboxes=[])


def test_panoptic_map_without_void():
    values = torch.tensor([[[2, 2, 3, 255], [1000, 1000, 2001, 2001]]])
    sample = DetDataSample(metainfo=dict(frame_id=0))
    sample.pred_panoptic_seg = PixelData(sem_seg=values)
    found = json.loads(json.dumps(frame_predictions(sample, 3)))
    assert (found['labels'], found['instances_id']) == ([2, 0, 1], [-1, 1, 2])
    for code, value in zip(found['masks'], (2, 1000, 2001)):
        np.testing.assert_array_equal(
            mask_utils.decode(code), values[0] == value)
    # without the number of classes only 255 is void
    assert frame_predictions(sample)['labels'] == [2, 3, 0, 1]
