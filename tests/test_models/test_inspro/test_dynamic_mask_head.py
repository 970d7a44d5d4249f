import pytest
import torch
import torch.nn.functional as F
from mmdet.models.utils import aligned_bilinear
from torch._subclasses.fake_tensor import FakeTensorMode

from mmvis_plugin.models.inspro import DynamicMaskHead
from mmvis_plugin.models.inspro.proposals import mask_targets
from mmvis_plugin.registry import MODELS


def make_inputs(batch=2, num=3, size=(6, 9), dtype=torch.float64, seed=0):
    rng = torch.Generator().manual_seed(seed)
    feats = torch.randn(batch, 8, *size, generator=rng, dtype=dtype)
    params = torch.randn(batch, num, 169, generator=rng, dtype=dtype)
    corner = torch.rand(batch, num, 2, generator=rng, dtype=dtype) * 60
    side = torch.rand(batch, num, 2, generator=rng, dtype=dtype) * 300
    return feats, params, torch.cat([corner, corner + side], -1)


def by_grouped_convolution(feats, params, boxes, scale):
    """CondInst's way: an input of 10 channels for each slot of a frame.

    Args:
        scale (callable): Box to divisor of its relative coordinates.
    """
    height, width = feats.shape[-2:]
    inputs = []
    for box in boxes:
        x1, y1, x2, y2 = box.tolist()
        x = (torch.arange(width, dtype=feats.dtype) + 0.5) * 8
        y = (torch.arange(height, dtype=feats.dtype) + 0.5) * 8
        rel_x = ((x1 + x2) / 2 - x) / scale(x2 - x1, y2 - y1)
        rel_y = ((y1 + y2) / 2 - y) / scale(x2 - x1, y2 - y1)
        inputs += [
            rel_x.expand(height, width)[None],
            rel_y[:, None].expand(height, width)[None], feats
        ]
    n, out = len(boxes), torch.cat(inputs)[None]
    w1, w2, w3, b1, b2, b3 = params.split([80, 64, 8, 8, 8, 1], dim=1)
    out = F.conv2d(out, w1.reshape(n * 8, 10, 1, 1), b1.flatten(), groups=n)
    out = F.conv2d(
        out.relu(), w2.reshape(n * 8, 8, 1, 1), b2.flatten(), groups=n)
    out = F.conv2d(out.relu(), w3.reshape(n, 8, 1, 1), b3.flatten(), groups=n)
    return out  # (1, n, h, w)


def naive_aligned_bilinear(image, factor):
    """Pixel (i, j) of the input lies at (i f + f // 2, j f + f // 2)."""
    height, width = image.shape
    out = image.new_zeros(height * factor, width * factor)
    for i in range(height * factor):
        for j in range(width * factor):
            y = max(i - factor // 2, 0) / factor
            x = max(j - factor // 2, 0) / factor
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            fy, fx = y - y0, x - x0
            out[i, j] = ((1 - fy) * (1 - fx) * image[y0, x0] +
                         (1 - fy) * fx * image[y0, x1] + fy *
                         (1 - fx) * image[y1, x0] + fy * fx * image[y1, x1])
    return out


def box_scale(width, height):
    return min(max(width, height, 64), 1024)


def test_169_parameters():
    assert DynamicMaskHead().num_params == 169
    head = DynamicMaskHead(channels=4, num_layers=4, feat_channels=5)
    assert head.num_params == (6 * 5 + 5) + 2 * (5 * 5 + 5) + (5 + 1)


@pytest.mark.parametrize('cfg, scale', [
    (dict(), box_scale),
    (dict(min_size=100.,
          max_size=200.), lambda w, h: min(max(w, h, 100), 200)),
    (dict(rel_coord_norm='fixed'), lambda w, h: 128),
    (dict(rel_coord_norm='fixed', fixed_size=50.), lambda w, h: 50),
])
def test_equals_grouped_convolution(cfg, scale):
    feats, params, boxes = make_inputs()
    head = MODELS.build(dict(type='InsProMaskHead', **cfg))
    got = head(feats, params, boxes)
    assert got.shape == (2, 3, 12, 18)
    for b in range(2):
        logits = by_grouped_convolution(feats[b], params[b], boxes[b], scale)
        torch.testing.assert_close(got[b:b + 1], aligned_bilinear(logits, 2))


def test_fp32_is_precise_far_from_the_origin():
    feats, params, boxes = make_inputs(1, 4, (100, 160))
    boxes += torch.tensor([900., 500., 900., 500.])
    expected = DynamicMaskHead()(feats, params, boxes)
    got = DynamicMaskHead()(feats.float(), params.float(), boxes.float())
    assert got.dtype == torch.float32
    error = (got - expected).abs().max() / expected.abs().max()
    assert error < 1e-5


def test_flat_form_equals_frames():
    feats, params, boxes = make_inputs(3, 4)
    head = DynamicMaskHead()
    dense = head(feats, params, boxes)
    pairs = torch.tensor([[2, 0], [0, 3], [0, 1], [2, 2], [2, 0]])
    frames, slots = pairs.unbind(1)  # frame 1 has no pair
    flat = head.forward_flat(feats, params[frames, slots],
                             boxes[frames, slots], frames)
    torch.testing.assert_close(flat, dense[frames, slots])


def test_flat_gradient_equals_frames():
    feats, params, boxes = make_inputs(2, 3)
    head, grads = DynamicMaskHead(), []
    frames = torch.arange(2).repeat_interleave(3)
    for flat in (True, False):
        leaves = [x.clone().requires_grad_() for x in (feats, params, boxes)]
        if flat:
            out = head.forward_flat(leaves[0], leaves[1].flatten(0, 1),
                                    leaves[2].flatten(0, 1), frames)
        else:
            out = head(*leaves)
        out.square().sum().backward()
        assert leaves[2].grad is None  # boxes are detached
        grads.append([leaf.grad for leaf in leaves[:2]])
    for ours, theirs in zip(*grads):
        torch.testing.assert_close(ours, theirs)


def test_no_pair():
    feats, params, boxes = make_inputs(2, 3)
    none = torch.zeros(0, dtype=torch.long)
    out = DynamicMaskHead().forward_flat(feats, params[0, :0], boxes[0, :0],
                                         none)
    assert out.shape == (0, 12, 18)


@pytest.mark.parametrize('factor', [2, 4])
def test_upsampling_is_the_aligned_one(factor):
    image = torch.randn(3, 5, dtype=torch.float64)
    got = aligned_bilinear(image[None, None], factor)[0, 0]
    torch.testing.assert_close(got, naive_aligned_bilinear(image, factor))


def test_logits_and_targets_lie_on_each_other():
    masks = torch.rand(2, 32, 64) < 0.5
    targets = mask_targets(masks).float()  # stride 4, as the logits
    full = aligned_bilinear(targets[None], 4)[0]  # as at test time
    torch.testing.assert_close(full[:, 2::4, 2::4], targets)
    torch.testing.assert_close(full[:, 2::4, 2::4], masks[:, 2::4,
                                                          2::4].float())


@pytest.mark.parametrize('out_stride, size', [(8, (6, 9)), (4, (12, 18)),
                                              (2, (24, 36))])
def test_output_stride(out_stride, size):
    out = DynamicMaskHead(out_stride=out_stride)(*make_inputs())
    assert out.shape[-2:] == size


def test_autocast_does_not_reach_the_coordinates():
    inputs = make_inputs(dtype=torch.float32)
    head = DynamicMaskHead()
    expected = head(*inputs)
    with torch.autocast('cpu', torch.bfloat16):
        got = head(*inputs)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize('wrong, message', [
    (dict(rel_coord_norm='level'), "rel_coord_norm='level' is unknown"),
    (dict(out_stride=3), 'feat_stride=8 is no multiple of out_stride=3'),
])
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        DynamicMaskHead(**wrong)


def test_shapes_do_not_depend_on_values():
    with FakeTensorMode():  # raises where the host would have to wait
        out = DynamicMaskHead()(torch.rand(2, 8, 4, 6), torch.rand(2, 3, 169),
                                torch.rand(2, 3, 4))
    assert out.shape == (2, 3, 8, 12)
