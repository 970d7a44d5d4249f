import math

import pytest
import torch

from mmvis_plugin.models.losses import reference_contrastive_loss
from mmvis_plugin.registry import MODELS


def random_references(frames, slots, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(frames, slots, 6, generator=rng, dtype=torch.float64)


def naive(references, slots):
    """Items one by one: an anchor against the frame before, then after."""
    losses, errors = [], []
    for t in range(1, len(references)):
        for j in slots.tolist():
            anchor = references[t, j]
            for other in (t - 1, t + 1):
                if other == len(references):
                    continue
                dots = [float(anchor @ u) for u in references[other]]
                losses.append(
                    math.log(1 + sum(
                        math.exp(dot - dots[j])
                        for i, dot in enumerate(dots) if i != j)))
                cosines = torch.cosine_similarity(references[other], anchor)
                target = torch.zeros_like(cosines)
                target[j] = 1
                errors.append(float((cosines - target).square().mean()))
    return torch.tensor([sum(losses) / len(losses),
                         sum(errors) / len(errors)]).double()


@pytest.mark.parametrize('frames', [2, 3, 5])
@pytest.mark.parametrize('slots', [[0], [3, 1], [0, 1, 2, 3]])
def test_equals_items_one_by_one(frames, slots):
    references, slots = random_references(frames, 4), torch.tensor(slots)
    got = torch.stack(reference_contrastive_loss(references, slots))
    torch.testing.assert_close(
        got, naive(references, slots), rtol=1e-6, atol=1e-6)


def test_module_weighs_both_terms():
    references, slots = random_references(4, 5), torch.tensor([4, 2])
    loss = MODELS.build(
        dict(type='ReferenceContrastiveLoss', loss_weight=3., aux_weight=0.5))
    got = torch.stack(loss(references, slots))
    expected = naive(references, slots) * torch.tensor([3., 0.5]).double()
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('shape, slots', [((0, 4), [1]), ((1, 4), [1]),
                                          ((3, 4), []), ((3, 1), [0])])
def test_nothing_to_contrast_keeps_the_graph(shape, slots):
    references = random_references(*shape).requires_grad_()
    loss, aux = reference_contrastive_loss(
        references, torch.tensor(slots, dtype=torch.long))
    (loss + aux).backward()
    assert loss == 0 and aux == 0 and (references.grad == 0).all()


def test_gradient_is_that_of_the_function():
    slots = torch.tensor([2, 0])
    assert torch.autograd.gradcheck(
        lambda refs: reference_contrastive_loss(refs, slots),
        random_references(3, 3).requires_grad_())


def test_half_precision_is_computed_in_fp32():
    references, slots = random_references(3, 4).bfloat16(), torch.tensor([1])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = torch.stack(reference_contrastive_loss(references, slots))
    torch.testing.assert_close(
        got.double(), naive(references.double(), slots), rtol=1e-5, atol=1e-5)
