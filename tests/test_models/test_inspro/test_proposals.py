import math

import numpy as np
import pytest
import torch
from mmdet.models.task_modules import DeltaXYWHBBoxCoder
from torch._subclasses.fake_tensor import FakeTensorMode

from mmvis_plugin.models.inspro.proposals import (decode_deltas, mask_targets,
                                                  rescale_boxes,
                                                  sanitise_boxes)

NAN, INF = float('nan'), float('inf')


def naive_sanitise(box, width, height, side):
    if not all(math.isfinite(value) for value in box):
        box = [0, 0, width, height]
    out = [0.] * 4
    for axis, extent in enumerate((width, height)):
        a = min(max(box[axis], 0), extent)
        b = min(max(box[axis + 2], 0), extent)
        r = max(b - a, side) / 2
        c = min(max((a + b) / 2, r), extent - r)
        out[axis], out[axis + 2] = c - r, c + r
    return out


@pytest.mark.parametrize('box, expected', [
    ([10, 20, 30, 40], [10, 20, 30, 40]),
    ([-5, -6, 30, 90], [0, 0, 30, 48]),
    ([70, 10, 90, 30], [56, 10, 64, 30]),
    ([-9, -9, -2, -3], [0, 0, 8, 8]),
    ([20, 20, 20, 20], [16, 16, 24, 24]),
    ([30, 20, 10, 40], [16, 20, 24, 40]),
    ([NAN, 1, 2, 3], [0, 0, 64, 48]),
    ([0, 1, INF, 3], [0, 0, 64, 48]),
    ([-1e30, -1e30, 1e30, 1e30], [0, 0, 64, 48]),
])
def test_sanitised_box(box, expected):
    box = torch.tensor(box).float()
    assert sanitise_boxes(box, (64, 48)).tolist() == expected
    whwh = torch.tensor([64., 48., 64., 48.])
    assert sanitise_boxes(box, whwh).tolist() == expected


def test_sanitise_takes_the_size_of_each_image():
    rng = torch.Generator().manual_seed(0)
    boxes = torch.randn(3, 20, 4, generator=rng) * 80
    boxes[1, 4, 2] = NAN
    sizes = [(64, 48), (30, 90), (100, 20)]
    whwh = torch.tensor([size * 2 for size in sizes]).float()
    got = sanitise_boxes(boxes, whwh[:, None], min_side=5.)
    for b, n in np.ndindex(3, 20):
        expected = naive_sanitise(boxes[b, n].tolist(), *sizes[b], 5.)
        torch.testing.assert_close(got[b, n], torch.tensor(expected).float())


def test_image_below_the_least_side():
    got = sanitise_boxes(torch.tensor([[2., 3., 4., 9.]]), (6, 40))
    assert got.tolist() == [[0., 2., 6., 10.]]


def test_slot_that_left_the_image_can_come_back():
    gone = torch.tensor([[700., 100., 740., 160.]])
    box = sanitise_boxes(gone, (640, 360))
    for _ in range(20):  # stages that pull to the left
        box = decode_deltas(torch.tensor([[-2., 0., 0.5, 0.]]), box)
    assert box[0, 0] < 320


def test_decode_equals_the_coder_of_mmdet():
    rng = torch.Generator().manual_seed(0)
    boxes = torch.rand(50, 2, generator=rng, dtype=torch.float64) * 100
    boxes = torch.cat([boxes, boxes + torch.rand_like(boxes) * 60 + 1], 1)
    deltas = torch.randn(50, 4, generator=rng, dtype=torch.float64) * 2
    coder = DeltaXYWHBBoxCoder(
        target_stds=(0.5, 0.5, 1., 1.), clip_border=False)
    expected = coder.decode(boxes, deltas, wh_ratio_clip=16 / 100000)
    got = decode_deltas(deltas.view(2, 25, 4), boxes.view(2, 25, 4))
    torch.testing.assert_close(got, expected.view(2, 25, 4))


def test_log_size_is_limited_from_above_only():
    boxes = torch.tensor([[0., 0., 16., 16.]], dtype=torch.float64)
    grown = decode_deltas(boxes.new_tensor([[0, 0, 50, 50]]), boxes)
    torch.testing.assert_close(grown[:, 2:] - grown[:, :2],
                               boxes.new_tensor([[1e5, 1e5]]))
    shrunk = decode_deltas(boxes.new_tensor([[0, 0, -12, -12]]), boxes)
    torch.testing.assert_close(shrunk[:, 2:] - shrunk[:, :2],
                               boxes.new_full((1, 2), 16 * math.exp(-12)))


def test_gradient_flows_to_deltas_and_boxes():
    deltas = torch.zeros(1, 4, requires_grad=True)
    boxes = torch.tensor([[10., 10., 30., 50.]], requires_grad=True)
    out = decode_deltas(deltas, boxes)
    out[0, 2].backward()  # x2 = x1 + w + (dx / 2) w + ...
    assert deltas.grad.tolist() == [[10., 0., 10., 0.]]
    assert boxes.grad.tolist() == [[0., 0., 1., 0.]]


def test_half_precision_deltas_do_not_round_boxes():
    boxes = torch.tensor([[1000.3, 20.1, 1200.9, 90.7]])
    out = decode_deltas(torch.zeros(1, 4).half(), boxes)
    torch.testing.assert_close(out, boxes)


def test_rescaled_boxes():
    boxes = torch.tensor([[[10., 20., 30., 40.]], [[1., 2., 3., 4.]]])
    before = torch.tensor([[100., 50., 100., 50.], [8., 8., 8., 8.]])
    after = torch.tensor([[200., 25., 200., 25.], [8., 8., 8., 8.]])
    got = rescale_boxes(boxes, before[:, None], after[:, None])
    assert got.tolist() == [[[20., 10., 60., 20.]], [[1., 2., 3., 4.]]]


@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8])
def test_mask_targets(dtype):
    masks = torch.rand(2, 16, 32) < 0.5
    got = mask_targets(masks.to(dtype))
    assert got.shape == (2, 4, 8) and got.dtype == dtype
    for g, i, j in np.ndindex(2, 4, 8):
        assert got[g, i, j] == masks[g, 4 * i + 2, 4 * j + 2]


def test_mask_targets_without_object():
    assert mask_targets(torch.zeros(0, 16, 32)).shape == (0, 4, 8)


def test_shapes_do_not_depend_on_values():
    with FakeTensorMode():  # raises where the host would have to wait
        boxes, whwh = torch.rand(2, 5, 4), torch.rand(2, 1, 4)
        boxes = decode_deltas(torch.rand(2, 5, 4), boxes)
        boxes = rescale_boxes(boxes, whwh, whwh)
        assert sanitise_boxes(boxes, whwh).shape == (2, 5, 4)
        assert sanitise_boxes(boxes, (8, 8)).shape == (2, 5, 4)
