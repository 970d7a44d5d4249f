import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmvis_plugin.models.hybrid_tracker import LocalInstances
from mmvis_plugin.models.hybrid_tracker.training_frame import (TrainingFrame,
                                                               annotated_frame,
                                                               predicted_frame)

MAP = torch.tensor([
    [0, 50, 50, 7],
    [9, 9, 50, 7],
    [9, 3, 3, 5],
],
                   dtype=torch.int32)
SEGMENTS = [
    dict(id=9, category=1, is_thing=True, iscrowd=0),
    dict(id=50, category=0, is_thing=True, iscrowd=0),
    dict(id=7, category=2, is_thing=False, iscrowd=0),
    dict(id=3, category=1, is_thing=True, iscrowd=1),
    dict(id=5, category=1, is_thing=True, iscrowd=0, ignore_flag=1),
    # cropped away
    dict(id=60, category=0, is_thing=True, iscrowd=0),
    dict(id=2, category=0, is_thing=True, iscrowd=0),
]


def annotated(segments, min_area=0):
    sample = DetDataSample()
    sample.gt_panoptic_seg = PixelData(
        pan_seg=MAP[None], metainfo=dict(segments_info=segments))
    return annotated_frame(sample, min_area, 'frame')


def test_things_that_are_there():
    id_map, labels, ids = annotated(SEGMENTS)
    assert ids.tolist() == [9, 50] and labels.tolist() == [1, 0]
    assert id_map.tolist() == [[0, 2, 2, 0], [1, 1, 2, 0], [1, 0, 0, 0]]
    _, _, ids = annotated(SEGMENTS, min_area=4)
    assert len(ids) == 0


def test_no_things():
    for segments in ([], SEGMENTS[2:4]):
        id_map, labels, ids = annotated(segments)
        assert not id_map.any() and len(labels) == len(ids) == 0
        assert labels.dtype == ids.dtype == torch.long


def test_predicted_things_get_the_ids_of_annotated_ones():
    truth = TrainingFrame(
        torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 3, 3]]),
        torch.tensor([0, 0, 1]), torch.tensor([11, 22, 33]))
    # IoU 3/4; 2/4 is not above the threshold; the class is wrong
    found = LocalInstances(
        torch.tensor([[1, 1, 1, 0, 0, 0, 2, 2, 0, 0, 3, 3]]),
        torch.tensor([0, 0, 0]))
    one, two = (predicted_frame(found, truth, t, 2) for t in range(2))
    assert one.id_map is found.id_map and one.labels is found.labels
    assert one.ids[0] == two.ids[0] == 11
    strangers = [*one.ids[1:].tolist(), *two.ids[1:].tolist()]
    assert max(strangers) < 0 and len(set(strangers)) == 4


def test_predicted_things_on_a_padded_map():
    truth = TrainingFrame(
        torch.tensor([[1, 1, 0], [0, 0, 1]]), torch.tensor([0]),
        torch.tensor([5]))
    found = LocalInstances(torch.tensor([[1, 1]]), torch.tensor([0]))
    assert predicted_frame(found, truth, 0, 2).ids.tolist() == [5]


def test_frames_without_one_of_both():
    none = TrainingFrame(torch.zeros(1, 2).long(), *torch.zeros(2, 0).long())
    found = LocalInstances(torch.tensor([[1, 2]]), torch.tensor([0, 0]))
    assert max(predicted_frame(found, none, 0, 2).ids) < 0
    empty = LocalInstances(torch.zeros(1, 2).long(), torch.zeros(0).long())
    truth = TrainingFrame(*found, torch.tensor([5, 6]))
    assert len(predicted_frame(empty, truth, 0, 2).ids) == 0
