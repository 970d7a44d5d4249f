import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.models.cavis import (instance_clip_targets,
                                       panoptic_clip_targets)

SIZE = (6, 8)


def box_mask(x, y, width=2, height=2):
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[y:y + height, x:x + width] = True
    return mask


def frame_of(*objects, bitmap=True):
    """Build a frame from (id, label, mask) of its objects."""
    ids, labels, masks = zip(*objects) if objects else ((), (), ())
    masks = torch.stack(masks) if masks else torch.zeros(0, *SIZE)
    if bitmap:
        masks = BitmapMasks(masks.byte().numpy(), *SIZE)
    return DetDataSample(
        gt_instances=InstanceData(
            instances_ids=torch.tensor(ids, dtype=torch.long),
            labels=torch.tensor(labels, dtype=torch.long),
            masks=masks))


@pytest.mark.parametrize('bitmap', [True, False])
def test_objects_of_any_frame_are_targets_of_all(bitmap):
    nothing = box_mask(0, 0, 0)
    frames = [
        frame_of((9, 2, box_mask(1, 1)), (4, 0, nothing), bitmap=bitmap),
        frame_of(bitmap=bitmap),
        frame_of((4, 1, box_mask(3, 2)), (0, 2, box_mask(0, 0)),
                 bitmap=bitmap),
        frame_of((0, 2, nothing), (9, 2, box_mask(5, 1)), (4, 1, nothing),
                 (7, 1, nothing),
                 bitmap=bitmap),
    ]
    targets = instance_clip_targets(frames)
    # object 7 has no pixel at all; object 4 appears on frame 2
    assert targets.ids.tolist() == [0, 4, 9] and len(targets) == 3
    assert targets.labels.tolist() == [2, 1, 2]
    assert targets.first_frames.tolist() == [2, 2, 0]
    assert targets.frame_ids.tolist() == [[-1, -1, 0, -1], [-1, -1, 4, -1],
                                          [9, -1, -1, 9]]
    expected = torch.zeros(3, 4, *SIZE, dtype=torch.bool)
    expected[0, 2], expected[1, 2] = box_mask(0, 0), box_mask(3, 2)
    expected[2, 0], expected[2, 3] = box_mask(1, 1), box_mask(5, 1)
    assert torch.equal(targets.masks, expected)
    assert torch.equal(targets.present, expected.flatten(2).any(2))
    for frame in range(4):
        single = targets.at_frame(frame)
        assert torch.equal(single.labels, targets.labels)
        assert torch.equal(single.masks[:, 0], expected[:, frame])
        assert single.present.shape == (3, 1) and single.present.all()
    tall = targets.stacked()
    assert torch.equal(tall.masks[:, 0],
                       torch.cat(list(expected.unbind(1)), 1))
    assert tall.first_frames.tolist() == [0, 0, 0]


def test_class_is_that_of_the_first_appearance():
    frames = [
        frame_of((3, 5, box_mask(0, 0, 0))),
        frame_of((3, 1, box_mask(0, 0))),
        frame_of((3, 2, box_mask(0, 0))),
    ]
    targets = instance_clip_targets(frames)
    assert targets.labels.tolist() == [1]
    assert targets.first_frames.tolist() == [1]


@pytest.mark.parametrize('frames', [1, 3])
def test_clip_without_objects(frames):
    targets = instance_clip_targets([frame_of()] * frames)
    assert len(targets) == 0
    assert targets.masks.shape == (0, frames, *SIZE)
    assert targets.frame_ids.shape == targets.present.shape == (0, frames)
    assert targets.stacked().masks.shape == (0, 1, frames * SIZE[0], SIZE[1])
    assert targets.at_frame(0).masks.shape == (0, 1, *SIZE)


def test_an_id_that_stands_twice_is_refused():
    frames = [
        frame_of((3, 0, box_mask(0, 0))),
        frame_of((2, 0, box_mask(0, 0)), (2, 0, box_mask(3, 3))),
    ]
    with pytest.raises(ValueError, match='frame 1 .* object id 2 .* twice'):
        instance_clip_targets(frames)


def panoptic_frame(ids, segments):
    return DetDataSample(
        gt_panoptic_seg=PixelData(
            metainfo=dict(segments_info=segments),
            pan_seg=torch.tensor(ids, dtype=torch.int32)[None]))


def test_panoptic_segments():
    car = dict(id=300, category=1, is_thing=True, iscrowd=0)
    road = dict(id=7, category=5, is_thing=False)
    crowd = dict(id=8, category=1, iscrowd=1)
    lost = dict(id=70000, category=2, iscrowd=0)
    frames = [
        panoptic_frame([[7, 7, 0], [8, 7, 0]], [road, crowd, car]),
        panoptic_frame([[7, 300, 300], [8, 8, 0]], [lost, car, road, crowd]),
    ]
    targets = panoptic_clip_targets(frames)
    assert targets.ids.tolist() == [7, 300]
    assert targets.labels.tolist() == [5, 1]
    assert targets.present.tolist() == [[True, True], [False, True]]
    maps = torch.cat([f.gt_panoptic_seg.pan_seg for f in frames])
    assert torch.equal(targets.masks[0], maps == 7)
    assert torch.equal(targets.masks[1], maps == 300)


def test_panoptic_clip_without_segments():
    targets = panoptic_clip_targets([panoptic_frame([[0, 0]], [])])
    assert len(targets) == 0 and targets.masks.shape == (0, 1, 1, 2)
