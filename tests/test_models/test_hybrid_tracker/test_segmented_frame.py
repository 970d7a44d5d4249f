import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmvis_plugin.models.hybrid_tracker import ClassCounts, segmented_frame

# two classes of things, two of stuff; 4 and 255 are void
PAN = torch.tensor([
    [2, 2, 1000, 1000, 4],
    [3, 2001, 2001, 1000, 255],
    [3, 3001, 0, 1, 2],
])


def frame(pan, min_area=0):
    sample = DetDataSample()
    sample.pred_panoptic_seg = PixelData(sem_seg=pan[None])
    return segmented_frame(sample, tuple(pan.shape), ClassCounts(2, 4),
                           min_area, 'frame')


def test_identities_replace_numbers():
    found = frame(PAN)
    assert found.instances.labels.tolist() == [0, 1, 1]
    out = found.with_ids(torch.tensor([7, 1_000_000, 3]))
    # pixels of things without a number are void
    assert out.tolist() == [
        [2, 2, 7000, 7000, 4],
        [3, 1_000_000_001, 1_000_000_001, 7000, 255],
        [3, 3001, 4, 4, 2],
    ]
    assert out.dtype == torch.int64


def test_small_things_become_void():
    out = frame(PAN, min_area=3).with_ids(torch.tensor([9]))
    assert out.tolist() == [
        [2, 2, 9000, 9000, 4],
        [3, 4, 4, 9000, 255],
        [3, 4, 4, 4, 2],
    ]


def test_types_and_frames_without_things():
    assert torch.equal(
        frame(PAN.int()).with_ids(torch.tensor([1, 2, 3])),
        frame(PAN).with_ids(torch.tensor([1, 2, 3])))
    stuff = torch.full((3, 5), 2)
    found = frame(stuff, min_area=16)
    assert torch.equal(found.with_ids(torch.zeros(0).long()), stuff)
