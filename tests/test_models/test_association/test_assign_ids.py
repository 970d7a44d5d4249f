from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import (SkipFrame, assign_ids,
                                             fuse_similarities, mutual_check)

DATA = Path(__file__).parents[2] / 'data/hybrid'


def load(case):
    with np.load(DATA / f'hybrid_assign_{case}.npz') as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def fuse(ref, inst, pix, rows, columns):
    return fuse_similarities(ref[inst], ref[pix], ref['weights'], ref['bias'],
                             ref[rows], ref[columns])


def skip_frames(ref):
    skips = []
    for s in range(int(ref['num_skips'])):
        forward = fuse(ref, f'skip{s}_inst_fwd', f'skip{s}_pix_fwd',
                       f'skip{s}_cls', 'cls_cur')
        backward = fuse(ref, f'skip{s}_inst_bwd', f'skip{s}_pix_bwd',
                        'cls_cur', f'skip{s}_cls')
        assert torch.equal(forward, ref[f'skip{s}_fused_fwd'])
        assert torch.equal(backward, ref[f'skip{s}_fused_bwd'])
        skips.append(
            SkipFrame(
                ref[f'skip{s}_ids'], lambda f=forward: f,
                lambda b=backward: b))
    return skips


@pytest.mark.parametrize('case', [1, 2])
@pytest.mark.parametrize('options, ids, next_id', [
    ({}, 'ids', 'next_id_after'),
    (dict(temporal='forward'), 'ids_forward_only', 'next_id_forward_only'),
    (dict(temporal='none'), 'ids_no_temporal', 'next_id_no_temporal'),
    (dict(temporal='none',
          mutual=False), 'ids_no_mutual', 'next_id_no_mutual'),
])
def test_reference_values(case, options, ids, next_id):
    ref = load(case)
    fused = fuse(ref, 'inst_sim', 'pix_sim', 'cls_prev', 'cls_cur')
    assert torch.equal(fused, ref['fused'])
    got = assign_ids(
        len(ref['cls_cur']), int(ref['next_id']), ref['ids_prev'], fused,
        skip_frames(ref), float(ref['thr']), float(ref['theta']), **options)
    assert torch.equal(got.ids, ref[ids])
    assert got.next_id == int(ref[next_id])
    name = 'pairs' if options.get('mutual', True) else 'pairs_no_mutual'
    assert torch.equal(got.pairs, ref[name])
    if not options:
        assert torch.equal(got.temporal_pairs, ref['temporal_pairs'])


def naive(num, next_id, prev_ids, sim, skips, thr, theta, bidirectional):
    """The published steps, one instance after the other."""
    ids = [0] * num
    for i, j in mutual_check(sim, thr).tolist():
        ids[j] = int(prev_ids[i])
    for old_ids, forward, backward in skips:
        rows = [a for a in range(len(old_ids)) if int(old_ids[a]) not in ids]
        cols = [j for j in range(num) if ids[j] == 0]
        mean = torch.zeros(len(rows), len(cols), dtype=torch.float64)
        ok = torch.zeros(len(rows), len(cols), dtype=torch.bool)
        for p, a in enumerate(rows):
            for q, j in enumerate(cols):
                ahead = float(forward[a, j])
                back = float(backward[j, a]) if bidirectional else ahead
                mean[p, q] = (ahead + back) / 2
                ok[p, q] = ahead > theta and back > theta
        for p, q in mutual_check(mean, -np.inf).tolist():
            if ok[p, q]:
                ids[cols[q]] = int(old_ids[rows[p]])
    for j in range(num):
        if ids[j] == 0:
            ids[j], next_id = next_id, next_id + 1
    return ids, next_id


def random_sim(rng, m, n):
    sim = torch.rand((m, n), generator=rng, dtype=torch.float64)
    return sim * (torch.rand((m, n), generator=rng) < 0.5)


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('temporal', ['forward', 'bidirectional'])
def test_equals_loops(seed, temporal):
    rng = torch.Generator().manual_seed(seed)
    sizes = torch.randint(0, 9, (4, ), generator=rng).tolist()
    m, n = sizes[:2]
    prev_ids = torch.randperm(12, generator=rng)[:m] + 1
    sim = random_sim(rng, m, n)
    skips = [(torch.randperm(12, generator=rng)[:k] + 1, random_sim(rng, k, n),
              random_sim(rng, n, k)) for k in sizes[2:]]
    frames = [
        SkipFrame(ids, lambda f=f: f, lambda b=b: b) for ids, f, b in skips
    ]
    got = assign_ids(n, 13, prev_ids, sim, frames, 0.2, 0.3, True, temporal)
    ids, next_id = naive(n, 13, prev_ids, sim, skips, 0.2, 0.3,
                         temporal == 'bidirectional')
    assert (got.ids.tolist(), got.next_id) == (ids, next_id)
    assert len(set(ids)) == n


def never():
    raise AssertionError('a similarity was computed that nothing needs')


def test_similarity_to_older_frames_is_computed_only_if_needed():
    ones = torch.eye(2)
    known, other = torch.tensor([1, 2]), torch.tensor([5])
    # everybody has a partner
    assign_ids(2, 6, known, ones, [SkipFrame(other, never, never)])
    # nobody of the older frame is missing
    got = assign_ids(3, 6, known, torch.eye(2, 3),
                     [SkipFrame(known, never, never)])
    assert got.ids.tolist() == [1, 2, 6]
    # one direction only
    got = assign_ids(
        1,
        6,
        known[:0],
        torch.zeros(0, 1), [SkipFrame(other, lambda: torch.ones(1, 1), never)],
        temporal='forward')
    assert got.ids.tolist() == [5]
    assert got.temporal_pairs.tolist() == [[0, 0, 0]]


def test_first_frame_and_frames_without_instances():
    assert assign_ids(3, 1).ids.tolist() == [1, 2, 3]
    got = assign_ids(0, 4, torch.tensor([1, 2]), torch.zeros(2, 0))
    assert got.ids.tolist() == [] and got.next_id == 4


@pytest.mark.parametrize('unique, ids', [(True, [3, 4]), (False, [3, 3])])
def test_an_identity_is_given_once_per_frame(unique, ids):
    skip = SkipFrame(
        torch.tensor([3]), lambda: torch.tensor([[0., 1.]]),
        lambda: torch.tensor([[0.], [1.]]))
    got = assign_ids(
        2,
        4,
        torch.tensor([3]),
        torch.tensor([[1., 0.]]), [skip],
        unique_ids=unique)
    assert got.ids.tolist() == ids


def test_unknown_direction():
    with pytest.raises(ValueError, match="temporal='both'.*bidirectional"):
        assign_ids(1, 1, temporal='both')
