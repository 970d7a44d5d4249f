import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.models.losses import (EmbeddingContrastiveLoss,
                                        embedding_contrastive_loss)
from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/cavis'


def reference_case(case, drop_absent):
    """Return embeddings, rows and ids of all matches, and the results."""
    with np.load(DATA / f'cavis_emb_{case}.npz') as file:
        ref = {name: torch.from_numpy(file[name]) for name in file.files}
    embeds = ref['embeds'].requires_grad_()
    queries = embeds.gather(
        1, ref['match_query'][..., None].expand(-1, -1, embeds.size(-1)))
    ids = ref['gt_ids'].gather(1, ref['match_gt'])
    suffix = '_drop_absent' if drop_absent else ''
    names = ('loss_ctx', 'loss_ctx_aux', 'grad_loss_ctx', 'grad_loss_ctx_aux')
    return embeds, queries.flatten(
        0, 1), ids.flatten(), [ref[name + suffix] for name in names]


@pytest.mark.parametrize('drop_absent', [False, True])
@pytest.mark.parametrize('case', [1, 2])
def test_reference_values_and_gradients(case, drop_absent):
    embeds, rows, ids, expected = reference_case(case, drop_absent)
    loss = MODELS.build(
        dict(type='EmbeddingContrastiveLoss', keep_absent=not drop_absent))
    values = loss(rows, ids)
    for value, exact, grad in zip(values, expected, expected[2:]):
        torch.testing.assert_close(value, 2 * exact, rtol=1e-5, atol=1e-5)
        found, = torch.autograd.grad(value, embeds, retain_graph=True)
        torch.testing.assert_close(found, 2 * grad, rtol=1e-5, atol=1e-5)


def naive(embeds, groups, batch):
    """Equation 4 by loops over all pairs in double precision."""
    keys = [tuple(key) for key in zip(batch.tolist(), groups.tolist())]
    rows = embeds.tolist()

    def dot(i, j):
        return sum(a * b for a, b in zip(rows[i], rows[j]))

    total = aux = num_groups = 0.
    for key in set(keys):
        members = [i for i, k in enumerate(keys) if k == key]
        others = [i for i, k in enumerate(keys) if k[0] == key[0] and k != key]
        if not others:
            continue
        num_groups += 1
        error = 0.
        for v in members:
            pairs = sum(
                math.exp(dot(v, n) - dot(v, p)) for p in members
                for n in others)
            total += math.log(1 + pairs)
            for u in members + others:
                cosine = dot(v, u) / math.sqrt(dot(v, v) * dot(u, u))
                error += (cosine - (u in members))**2
        aux += error / len(members) / len(members + others)
    divisor = max(num_groups, 1)
    return torch.tensor([total / divisor, aux / divisor], dtype=torch.float64)


def random_rows(count, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, 5, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize('groups, batch', [
    ([0, 0, 1, 2, 2, 2, 1, 0], [0] * 8),
    ([0, 0, 1, 1, 0, 0, 1, 2], [0, 0, 0, 0, 1, 1, 1, 1]),
    ([7, 7, 3, 3, 5, 5], [0, 0, 0, 0, 1, 1]),
    ([4, 4, 4], [0, 0, 0]),
    ([1, 2], [0, 1]),
    ([-1, 3], [0, 0]),
    ([9], [0]),
])
def test_equals_the_sum_over_pairs(groups, batch):
    rows = random_rows(len(groups))
    groups, batch = torch.tensor(groups), torch.tensor(batch)
    got = torch.stack(embedding_contrastive_loss(rows, groups, batch))
    torch.testing.assert_close(got, naive(rows, groups, batch))
    order = torch.randperm(len(groups), generator=torch.Generator())
    shuffled = embedding_contrastive_loss(rows[order], groups[order],
                                          batch[order])
    torch.testing.assert_close(torch.stack(shuffled), got)


def test_groups_are_counted_over_all_clips():
    rows = random_rows(10)
    groups = torch.tensor([0, 0, 1, 1, 0, 1, 1, 2, 2, 2])
    batch = torch.arange(10).ge(4).long()
    both = embedding_contrastive_loss(rows, groups, batch)
    first = embedding_contrastive_loss(rows[:4], groups[:4])
    second = embedding_contrastive_loss(rows[4:], groups[4:])
    for got, a, b in zip(both, first, second):
        torch.testing.assert_close(got, (2 * a + 3 * b) / 5)


@pytest.mark.parametrize('groups', [[], [2], [2, 2, 2]])
def test_nothing_to_contrast_keeps_the_graph(groups):
    rows = random_rows(len(groups)).requires_grad_()
    loss, aux = embedding_contrastive_loss(
        rows, torch.tensor(groups, dtype=torch.long))
    (loss + aux).backward()
    assert loss == 0 and aux == 0
    assert rows.grad.shape == rows.shape and (rows.grad == 0).all()


def test_a_clip_of_one_identity_gets_no_gradient():
    rows = random_rows(6).requires_grad_()
    groups = torch.tensor([0, 0, 0, 0, 1, 1])
    batch = torch.tensor([1, 1, 0, 0, 0, 0])
    torch.stack(embedding_contrastive_loss(rows, groups,
                                           batch)).sum().backward()
    assert (rows.grad[:2] == 0).all() and (rows.grad[2:] != 0).all()


def test_large_products_and_zero_embeddings_are_finite():
    rows = (random_rows(8) * 300).float()
    rows[3] = 0
    rows.requires_grad_()
    groups = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    loss, aux = embedding_contrastive_loss(rows, groups)
    (loss + aux).backward()
    assert loss > 1e4 and aux.isfinite() and rows.grad.isfinite().all()


def test_gradient_is_that_of_the_function():
    groups = torch.tensor([0, 1, 0, 1, 2])
    assert torch.autograd.gradcheck(
        lambda rows: embedding_contrastive_loss(rows, groups),
        random_rows(5).requires_grad_())


def test_half_precision_is_computed_in_fp32():
    rows = random_rows(6).bfloat16()
    groups = torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = embedding_contrastive_loss(rows, groups)
    expected = naive(rows.double(), groups, torch.zeros(6))
    torch.testing.assert_close(torch.stack(got), expected.float())


def test_absent_objects_of_a_batch_are_dropped():
    rows, batch = random_rows(6), torch.tensor([0, 0, 0, 1, 1, 1])
    groups = torch.tensor([0, -1, 1, 0, 1, -1])
    got = EmbeddingContrastiveLoss(1., 3.)(rows, groups, batch)
    kept = groups >= 0
    expected = naive(rows[kept], groups[kept], batch[kept])
    torch.testing.assert_close(
        torch.stack(got),
        expected * torch.tensor([1., 3.]).double())


def test_memory_is_quadratic():
    # 2000^3 numbers would be 32 GB
    rows = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    loss, _ = embedding_contrastive_loss(rows, torch.arange(2000) % 40)
    assert loss.isfinite()
