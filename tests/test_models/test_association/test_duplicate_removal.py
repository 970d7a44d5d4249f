import torch

from mmvis_plugin.models.association import find_duplicates

BOXES = torch.tensor([
    [0., 0, 10, 10],
    [0, 0, 10, 8],  # IoU 0.8 with the first
    [0, 0, 10, 5],  # 0.5 with the first, 0.625 with the second
    [20, 20, 30, 30],
])


def test_a_duplicate_still_counts_against_lower_ranks():
    found = find_duplicates(BOXES, torch.tensor([.7, .7, .6, .7]))
    assert found.tolist() == [False, True, True, False]


def test_each_box_has_its_own_threshold():
    found = find_duplicates(BOXES, torch.tensor([.7, .9, .7, .0]))
    assert found.tolist() == [False, False, False, False]


def test_no_boxes():
    assert find_duplicates(torch.zeros(0, 4), torch.zeros(0)).tolist() == []
