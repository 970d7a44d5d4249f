import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from mmvis_plugin.models.layers import StaticRoIExtractor
from mmvis_plugin.registry import MODELS

STRIDES = (4, 8, 16, 32)
# mmcv's operator is exact, FeatureRows sums in another order
ATOL = {True: 0, False: 2e-6, None: 2e-6}


def make_feats(batch=2, channels=3, size=256, dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    return [
        torch.randn(batch, channels, size // s, size // s,
                    generator=rng).to(dtype) for s in STRIDES
    ]


def make_boxes(batch=2, num=30):
    """Boxes of all sizes, some reaching out of the image."""
    rng = torch.Generator().manual_seed(1)
    centre = torch.rand(batch, num, 2, generator=rng) * 300 - 20
    exponent = torch.rand(batch, num, 2, generator=rng)
    half = 4 * 100**exponent
    return torch.cat([centre - half, centre + half], -1)


def reference(feats, boxes):
    extractor = SingleRoIExtractor(
        dict(type='RoIAlign', output_size=7, sampling_ratio=2),
        feats[0].size(1), STRIDES)
    image = torch.arange(len(boxes)).repeat_interleave(boxes.size(1))
    rois = torch.cat([image[:, None].float(), boxes.flatten(0, 1)], dim=1)
    return extractor(feats, rois)


@pytest.mark.parametrize('static', [True, False, None])
def test_equals_the_extractor_of_mmdet(static):
    feats, boxes = make_feats(), make_boxes()
    sides = (boxes[..., 2:] - boxes[..., :2]).prod(-1).sqrt()
    assert sides.min() < 112 and sides.max() > 448  # first and last level
    extractor = MODELS.build(
        dict(type='StaticRoIExtractor', out_channels=3, static=static))
    got = extractor(feats, boxes)
    torch.testing.assert_close(
        got, reference(feats, boxes), rtol=0, atol=ATOL[static])


@pytest.mark.parametrize('static', [True, False])
def test_features_need_not_be_contiguous(static):
    feats, boxes = make_feats(), make_boxes()
    extractor = StaticRoIExtractor(out_channels=3, static=static)
    frames = [torch.stack([torch.zeros_like(f), f], 1)[:, 1] for f in feats]
    channels_last = [f.to(memory_format=torch.channels_last) for f in feats]
    expected = extractor(feats, boxes)
    for strided in (frames, channels_last):
        assert not strided[0].is_contiguous()
        got = extractor(strided, boxes)
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize('static', [True, False])
def test_gradient_equals_mmdet(static):
    boxes = make_boxes()
    ours = [feat.requires_grad_() for feat in make_feats()]
    theirs = [feat.requires_grad_() for feat in make_feats()]
    extractor = StaticRoIExtractor(out_channels=3, static=static)
    extractor(ours, boxes).square().sum().backward()
    reference(theirs, boxes).square().sum().backward()
    for our, their in zip(ours, theirs):
        torch.testing.assert_close(our.grad, their.grad)


@pytest.mark.parametrize('static', [True, False])
@pytest.mark.parametrize('side, level', [(1, 0), (111, 0), (112, 1), (223, 1),
                                         (224, 2), (447, 2), (448, 3),
                                         (5000, 3)])
def test_level_of_a_box(static, side, level):
    feats = [torch.full((1, 1, 32, 32), float(i + 1)) for i in range(4)]
    # the top left sample of a box at the origin lies on every map
    boxes = torch.tensor([[[0., 0., side, side]]])
    extractor = StaticRoIExtractor(out_channels=1, static=static)
    assert extractor(feats, boxes).amax() == pytest.approx(level + 1)


@pytest.mark.parametrize('static', [True, False])
@pytest.mark.parametrize('bad', [
    [float('nan')] * 4,
    [10., 10., float('inf'), 40.],
    [-float('inf'), 0., float('inf'), 5.],
])
def test_bad_boxes_harm_neither_themselves_nor_others(static, bad):
    feats, boxes = make_feats(), make_boxes()
    expected = reference(feats, boxes)
    boxes[1, 3] = torch.tensor(bad)
    got = StaticRoIExtractor(out_channels=3, static=static)(feats, boxes)
    row = boxes.size(1) + 3
    others = torch.arange(len(got)) != row
    torch.testing.assert_close(
        got[others], expected[others], rtol=0, atol=ATOL[static])
    at_origin = StaticRoIExtractor(out_channels=3)(
        [feat[1:] for feat in feats], torch.zeros(1, 1, 4))
    torch.testing.assert_close(got[row], at_origin[0])


@pytest.mark.parametrize('static', [True, False])
def test_inverted_box_does_not_crash(static):
    extractor = StaticRoIExtractor(out_channels=3, static=static)
    out = extractor(make_feats(1), torch.tensor([[[50., 40., 20., 90.]]]))
    assert out.isfinite().all()


@pytest.mark.parametrize('static', [True, False])
def test_level_without_boxes_stays_in_the_graph(static):
    feats = [feat.requires_grad_() for feat in make_feats(1)]
    boxes = torch.tensor([[[10., 10., 30., 40.]]])
    StaticRoIExtractor(
        out_channels=3, static=static)(feats, boxes).sum().backward()
    assert feats[0].grad.abs().sum() > 0
    for feat in feats[1:]:
        assert (feat.grad == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_boxes_are_not_rounded_to_half_precision(dtype):
    boxes = torch.tensor([[[200.3, 100.2, 230.7, 128.9]]])
    feats = make_feats(1, dtype=dtype)
    got = StaticRoIExtractor(out_channels=3)(feats, boxes)
    assert got.dtype == dtype
    expected = reference([feat.float() for feat in feats], boxes)
    # one step of the type; a box rounded to it is off by 0.1 and more
    torch.testing.assert_close(
        got.float(), expected, rtol=torch.finfo(dtype).eps, atol=2e-6)
    rounded = reference([feat.float() for feat in feats],
                        boxes.to(dtype).float())
    assert (rounded - expected).abs().max() > 0.01


def test_wrong_number_of_levels():
    with pytest.raises(ValueError, match='needs 4 feature levels, got 3'):
        StaticRoIExtractor()(make_feats()[:3], make_boxes())
