import pycocotools.mask as mask_utils
import pytest
import torch

from mmvis_plugin.models.pcan.paste_masks import _paste_frames, paste_masks


def decode(codes):
    return torch.from_numpy(mask_utils.decode(codes)).permute(2, 0, 1)


def test_masks_lie_in_their_boxes():
    logits = torch.full((2, 1, 4, 4), 9.)
    logits[1, :, :, 2:] = -9.  # only the left half
    boxes = torch.tensor([[2., 3, 6, 9], [10, 0, 18, 8]])
    masks = decode(paste_masks(logits, boxes, (12, 20)))
    expected = torch.zeros(2, 12, 20, dtype=torch.uint8)
    expected[0, 3:9, 2:6] = 1
    expected[1, 0:8, 10:14] = 1
    assert torch.equal(masks, expected)


def test_a_box_may_leave_the_frame():
    masks = decode(
        paste_masks(
            torch.full((1, 1, 4, 4), 9.), torch.tensor([[-4., -4, 4, 4]]),
            (6, 6)))
    assert masks.sum() == 16 and masks[0, :4, :4].all()


@pytest.mark.parametrize('threshold', [0.3, 0.7])
def test_threshold(threshold):
    logits = torch.tensor([[[[0.]]]])  # probability 0.5
    area = decode(
        paste_masks(logits, torch.tensor([[0., 0, 4, 4]]), (4, 4),
                    threshold)).sum()
    assert (area > 0) == (threshold < 0.5)


def test_no_masks():
    assert paste_masks(torch.zeros(0, 1, 4, 4), torch.zeros(0, 4),
                       (4, 4)) == []


def test_whole_frames_give_the_same_masks():
    torch.manual_seed(0)
    logits = torch.randn(12, 1, 28, 28)
    corner = torch.rand(12, 2) * torch.tensor([56., 34.]) - 5
    boxes = torch.cat([corner, corner + 1 + 40 * torch.rand(12, 2)], dim=1)
    boxes[0] = torch.tensor([5., 5, 5, 5])  # no extent
    codes = paste_masks(logits, boxes, (40, 64))
    assert codes == _paste_frames(logits.sigmoid(), boxes, (40, 64), 0.5)
