import pytest
import torch
from mmcv.ops import roi_align

from mmvis_plugin.models.layers.feature_rows import FeatureRows

SIZES = ((24, 40), (12, 20), (6, 10))
STRIDES = (4, 8, 16)


def make_feats(batch=2, channels=5, dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    return [
        torch.randn(batch, channels, *size, generator=rng).to(dtype)
        for size in SIZES
    ]


def make_rois(batch=2, num=60):
    """Boxes in, across and off the image of 96 x 160, some without area."""
    rng = torch.Generator().manual_seed(1)
    corners = torch.rand(num, 2, generator=rng) * torch.tensor([240., 176.])
    corners = corners - 40
    sides = torch.rand(num, 2, generator=rng) * 90
    sides[::7] = 0
    image = torch.randint(0, batch, (num, 1), generator=rng)
    return torch.cat([image, corners, corners + sides], 1)


def reference(feats, rois, levels, size, ratio):
    return torch.stack([
        roi_align(feats[level], roi[None], (size, size), 1 / STRIDES[level],
                  ratio, 'avg', True)[0]
        for roi, level in zip(rois, levels.tolist())
    ])


@pytest.mark.parametrize('size, ratio', [(7, 2), (7, 1), (4, 3), (14, 2)])
def test_equals_roi_align(size, ratio):
    feats, rois = make_feats(), make_rois()
    levels = torch.arange(len(rois)) % 3
    rows = FeatureRows.from_levels(feats)
    assert rows.table.shape == (2, sum(h * w for h, w in SIZES), 5)
    got = rows.align(rois, levels, STRIDES, size, ratio)
    expected = reference(feats, rois, levels, size, ratio)
    assert (expected.flatten(1) == 0).all(1).any()  # a box off the map
    torch.testing.assert_close(got, expected, rtol=0, atol=2e-6)


def test_double_precision():
    feats, rois = make_feats(dtype=torch.float64), make_rois().double()
    levels = torch.arange(len(rois)) % 3
    got = FeatureRows.from_levels(feats).align(rois, levels, STRIDES, 7, 2)
    expected = reference(feats, rois, levels, 7, 2)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_gradient_equals_roi_align():
    rois = make_rois().double()
    levels = torch.arange(len(rois)) % 3
    ours, theirs = [[
        feat.requires_grad_() for feat in make_feats(dtype=torch.float64)
    ] for _ in range(2)]
    got = FeatureRows.from_levels(ours).align(rois, levels, STRIDES, 7, 2)
    got.pow(3).sum().backward()
    reference(theirs, rois, levels, 7, 2).pow(3).sum().backward()
    for our, their in zip(ours, theirs):
        torch.testing.assert_close(our.grad, their.grad, rtol=1e-9, atol=1e-9)


def test_half_precision_features_are_widened():
    rows = FeatureRows.from_levels(make_feats(dtype=torch.bfloat16))
    assert rows.table.dtype == torch.float32


def test_result_is_ready_for_the_dynamic_convolution():
    rows = FeatureRows.from_levels(make_feats())
    rois = make_rois()
    out = rows.align(rois, torch.zeros(len(rois), dtype=torch.long), STRIDES,
                     7, 2)
    # (M, 49, C) without a copy
    assert out.flatten(2).transpose(1, 2).is_contiguous()
    assert out.flatten(2).data_ptr() == out.data_ptr()


def test_no_boxes():
    rows = FeatureRows.from_levels(make_feats())
    out = rows.align(
        torch.zeros(0, 5), torch.zeros(0, dtype=torch.long), STRIDES, 7, 2)
    assert out.shape == (0, 5, 7, 7)
