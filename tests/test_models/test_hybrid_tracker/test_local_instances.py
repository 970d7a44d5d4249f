import torch

from mmvis_plugin.models.hybrid_tracker import local_instances

PAN = torch.tensor([
    [4, 4, 3001, 3001, 1000],
    [4, 2000, 2000, 3001, 1000],
    [2001, 9, 9, 5, 1],
])


def test_things_are_numbered_in_the_order_of_the_segmenter():
    ids, labels = local_instances(PAN, num_things=2)
    assert labels.tolist() == [0, 0, 1, 1]
    assert ids.tolist() == [
        [0, 0, 4, 4, 1],
        [0, 2, 2, 4, 1],
        [3, 0, 0, 0, 0],
    ]


def test_small_things_are_left_out():
    ids, labels = local_instances(PAN, num_things=2, min_area=3)
    assert labels.tolist() == [1]
    assert ids.tolist() == (PAN == 3001).long().tolist()


def test_frames_without_things():
    for size in ((2, 3), (0, 3)):
        ids, labels = local_instances(torch.full(size, 7), num_things=2)
        assert ids.shape == size and not ids.any() and len(labels) == 0


def test_small_types():
    ids, labels = local_instances(PAN.to(torch.int16), num_things=2)
    assert ids.dtype == labels.dtype == torch.long and ids.max() == 4
