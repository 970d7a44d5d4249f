import math

import pytest
import torch

from mmvis_plugin.models.losses import mask_dice_loss, mask_focal_loss


def naive_dice(logits, target):
    probs = [1 / (1 + math.exp(-x)) for x in logits]
    both = sum(p * g for p, g in zip(probs, target))
    squares = sum(p * p for p in probs) + sum(g * g for g in target)
    return 1 - 2 * both / (squares + 1e-5)


def naive_focal(logits, target, alpha, gamma):
    total = 0.
    for x, g in zip(logits, target):
        prob = 1 / (1 + math.exp(-x))
        prob, weight = (prob, alpha) if g else (1 - prob, 1 - alpha)
        total -= weight * (1 - prob)**gamma * math.log(prob)
    return total / len(logits)


@pytest.fixture
def masks():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 7, generator=rng, dtype=torch.float64) * 3
    targets = torch.rand(3, 5, 7, generator=rng) < 0.4
    targets[1] = False
    return logits, targets


def per_mask(loss, logits, targets, *args):
    return torch.tensor([
        loss(x.flatten().tolist(),
             g.flatten().tolist(), *args) for x, g in zip(logits, targets)
    ],
                        dtype=torch.float64)


@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.float32])
def test_dice_matches_the_equation(masks, dtype):
    logits, targets = masks
    torch.testing.assert_close(
        mask_dice_loss(logits, targets.to(dtype)),
        per_mask(naive_dice, logits, targets))


@pytest.mark.parametrize('alpha, gamma', [(0.25, 2.), (0.6, 1.5)])
@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.float32])
def test_focal_matches_the_equation(masks, dtype, alpha, gamma):
    logits, targets = masks
    torch.testing.assert_close(
        mask_focal_loss(logits, targets.to(dtype), alpha, gamma),
        per_mask(naive_focal, logits, targets, alpha, gamma))


@pytest.mark.parametrize('loss', [mask_dice_loss, mask_focal_loss])
def test_no_pair(loss):
    logits = torch.zeros(0, 4, 4, requires_grad=True)
    value = loss(logits, torch.zeros(0, 4, 4))
    assert value.shape == (0, )
    value.sum().backward()


@pytest.mark.parametrize('loss', [mask_dice_loss, mask_focal_loss])
def test_half_precision_does_not_overflow(loss):
    # the sums over 512 x 512 pixels exceed the range of fp16
    logits = torch.full((1, 512, 512), 3.).half()
    targets = torch.ones(1, 512, 512)
    value = loss(logits, targets)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits.float(), targets))


@pytest.mark.parametrize('loss', [mask_dice_loss, mask_focal_loss])
def test_saturated_logits_keep_finite_gradients(loss):
    logits = torch.tensor([[[-1e4, 1e4], [1e4, -1e4]]], requires_grad=True)
    loss(logits, torch.tensor([[[1, 1], [0, 0]]])).sum().backward()
    assert logits.grad.isfinite().all()
