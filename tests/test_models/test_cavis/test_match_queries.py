import itertools
import math

import pytest
import torch

from mmvis_plugin.models.cavis import match_queries, reorder_slots


def random_embeds(num, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(num, 6, generator=rng)


def best_order(ref, cur):
    """Try all permutations."""

    def total(order):
        return sum(1 - float(r @ cur[i]) /
                   (math.dist(r, r * 0) * math.dist(cur[i], cur[i] * 0))
                   for r, i in zip(ref, order))

    return list(min(itertools.permutations(range(len(cur))), key=total))


@pytest.mark.parametrize('seed', range(4))
def test_is_the_best_of_all_permutations(seed):
    ref, cur = random_embeds(5, seed), random_embeds(5, seed + 10) * 9
    assert match_queries(ref, cur).tolist() == best_order(ref, cur)


def test_aligns_a_cycle_that_the_legacy_mode_turns_around():
    ref, cycle = random_embeds(5), torch.tensor([1, 2, 0, 4, 3])
    cur = ref[cycle] + 0.01 * random_embeds(5, 1)
    fixed, legacy = match_queries(ref, cur), match_queries(ref, cur, 'legacy')
    torch.testing.assert_close(cur[fixed], ref, rtol=0, atol=0.1)
    assert fixed.tolist() == cycle.argsort().tolist()
    assert legacy.tolist() == cycle.tolist()


def test_modes_agree_on_swaps():
    ref = random_embeds(4)
    cur = ref[[1, 0, 2, 3]]
    assert match_queries(ref, cur).tolist() == [1, 0, 2, 3]
    assert match_queries(ref, cur, 'legacy').tolist() == [1, 0, 2, 3]


def test_what_is_not_a_number_is_matched():
    ref = random_embeds(4)
    cur = ref.clone()
    cur[1] = float('nan')
    cur[2] = float('inf')
    cur[3] = 0
    assert sorted(match_queries(ref, cur).tolist()) == [0, 1, 2, 3]


def test_one_query_and_half_precision():
    assert match_queries(random_embeds(1), random_embeds(1, 1)).tolist() == [0]
    ref = random_embeds(40).bfloat16()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = match_queries(ref, ref[order])
    assert torch.equal(ref[order][got], ref)


def test_gets_no_gradient():
    ref = random_embeds(3).requires_grad_()
    assert not match_queries(ref, ref).requires_grad


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="'offical' is unknown"):
        match_queries(random_embeds(2), random_embeds(2), 'offical')


@pytest.mark.parametrize('trailing', [(), (3, ), (2, 4)])
def test_reorder_slots(trailing):
    values = torch.arange(2 * 5 * math.prod(trailing)).view(2, 5, *trailing)
    indices = torch.tensor([[4, 3, 2, 1, 0], [1, 1, 0, 2, 2]])
    expected = torch.stack([v[i] for v, i in zip(values, indices)])
    assert torch.equal(reorder_slots(values, indices), expected)
    assert torch.equal(reorder_slots(values[0], indices[0]), expected[0])
