import numpy as np
import pytest
import torch

from mmvis_plugin.models.cavis import inner_boundary, surrounding_features


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values(reference, case):
    ref = reference(f'ctx_{case}')
    features, logits = ref['mask_features'], ref['mask_logits']
    assert torch.equal(inner_boundary(logits), ref['boundary'].bool())
    size = ref.number('kernel_size')
    for mode, name in (('avg', 'ctx_paper'), ('channel_sum', 'ctx_official')):
        got = surrounding_features(features, logits, size, mode)
        torch.testing.assert_close(got, ref[name], rtol=1e-5, atol=1e-5)


def random_maps(batch=2, queries=3, channels=4, height=6, width=9, seed=0):
    rng = torch.Generator().manual_seed(seed)
    features = torch.randn(
        batch, channels, height, width, generator=rng, dtype=torch.float64)
    logits = torch.randn(
        batch, queries, height, width, generator=rng, dtype=torch.float64)
    return features, logits


def naive(features, logits, size, channel_sum=False):
    """Contour, filter and mean by loops over pixels."""
    batch, channels, height, width = features.shape
    result = torch.zeros(batch, logits.size(1), channels).double()
    half = size // 2
    for b, q in np.ndindex(*logits.shape[:2]):
        mask = (logits[b, q] > 0).tolist()
        total, count = torch.zeros(channels).double(), 0
        for y, x in np.ndindex(height, width):
            around = [
                0 <= v < height and 0 <= u < width and mask[v][u]
                for v in range(y - 1, y + 2) for u in range(x - 1, x + 2)
            ]
            if not mask[y][x] or all(around):
                continue
            window = features[b, :,
                              max(y - half, 0):y + half + 1,
                              max(x - half, 0):x + half + 1]
            total += window.sum((1, 2)) / size**2
            count += 1
        if channel_sum:
            total = total.sum().expand(channels)
        result[b, q] = total / (count + 1e-6)
    return result


@pytest.mark.parametrize('size', [1, 3, 5, 9, 21])
def test_equals_loops(size):
    features, logits = random_maps()
    logits[0, 1] = -1.  # empty
    logits[1, 0] = 1.  # full
    logits[1, 2] = 0.  # not above zero
    for mode in ('avg', 'channel_sum'):
        torch.testing.assert_close(
            surrounding_features(features, logits, size, mode),
            naive(features, logits, size, mode == 'channel_sum'))


def test_contour_is_that_of_the_laplacian():
    _, logits = random_maps(height=40, width=30, seed=1)
    logits = torch.nn.functional.avg_pool2d(logits, 5, 1, 2)
    kernel = torch.full((1, 1, 3, 3), -1.).double()
    kernel[..., 1, 1] = 8
    masks = (logits > 0).double()
    laplacian = torch.nn.functional.conv2d(
        masks.flatten(0, 1)[:, None], kernel, padding=1)
    found = inner_boundary(logits)
    assert torch.equal(found, laplacian.view_as(logits) > 0)
    assert found.any() and not torch.equal(found, masks.bool())


def test_channels_are_equal_in_the_mode_of_the_code():
    got = surrounding_features(*random_maps(), mode='channel_sum')
    assert torch.equal(got, got[..., :1].expand_as(got))
    assert got.shape == (2, 3, 4)


@pytest.mark.parametrize('mode', ['avg', 'channel_sum'])
def test_only_the_embeddings_get_a_gradient(mode):
    features, logits = random_maps(queries=2, height=4, width=5)
    logits[0] = -1.
    features.requires_grad_()
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: surrounding_features(f, logits.detach(), 3, mode), features)
    surrounding_features(features, logits, 3, mode).sum().backward()
    assert logits.grad is None
    assert (features.grad[0] == 0).all() and (features.grad[1] != 0).any()


def test_half_precision_is_computed_in_fp32():
    features, logits = random_maps(height=30, width=40)
    features = features.bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = surrounding_features(features, logits)
    torch.testing.assert_close(got,
                               naive(features.double(), logits, 9).float())


@pytest.mark.parametrize('wrong, message', [
    (dict(mode='mean'), 'expected one of'),
    (dict(kernel_size=4), 'kernel size 4'),
    (dict(kernel_size=0), 'kernel size 0'),
])
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        surrounding_features(*random_maps(), **wrong)
