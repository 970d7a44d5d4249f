from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import start_processes

from mmvis_plugin.models.losses import (embedding_contrastive_loss,
                                        prototype_contrastive_loss,
                                        shared_count, shared_mean)

CPU = torch.device('cpu')


@pytest.mark.parametrize('count, expected', [(0, 1.), (3, 3.),
                                             (torch.tensor(2.5), 2.5)])
def test_one_process_has_its_own_count(count, expected):
    assert shared_count(count, CPU).item() == expected


def test_one_process_keeps_its_mean():
    loss = torch.tensor(0.7, requires_grad=True)
    assert shared_mean(loss, 5).item() == loss.item()
    nothing = shared_mean(loss * 0, 0)
    nothing.backward()
    assert nothing.item() == 0 and loss.grad.item() == 0


def clips(*indices):
    """Return pixels and masks of clips of 2, 1 and 3 objects."""
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(3, 2, 4, 5, 6, generator=rng, dtype=torch.float64)
    masks = [
        torch.rand(num, 2, 20, 24, generator=rng) < 0.4 for num in (2, 1, 3)
    ]
    return features[list(indices)], [masks[i] for i in indices]


def losses_of(*indices):
    """Return losses of some clips as one vector."""
    features, masks = clips(*indices)
    embeds = features.mean(dim=(-1, -2)).flatten(0, 1)
    ids = torch.arange(len(embeds)) % 2
    batch_ids = torch.arange(len(indices)).repeat_interleave(2)
    means = torch.stack([m.double().mean() for m in masks])
    return torch.stack([
        *prototype_contrastive_loss(features, masks),
        *embedding_contrastive_loss(embeds, ids, batch_ids),
        shared_mean(means.sum() / max(len(means), 1), len(means))
    ])


def be_a_process(rank, folder, shares):
    dist.init_process_group(
        'gloo',
        init_method=f'file://{folder}/store',
        rank=rank,
        world_size=len(shares),
        timeout=timedelta(seconds=60))
    torch.save(losses_of(*shares[rank]), f'{folder}/{rank}.pth')


@pytest.mark.parametrize('shares', [((0, ), (1, 2)), ((1, ), (0, 2))])
def test_processes_share_their_counts(tmp_path, shares):
    """The second time the first process has nothing to contrast."""
    start_processes(
        be_a_process, args=(tmp_path, shares), nprocs=2, start_method='fork')
    one, two = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    if shares[0] == (1, ):
        assert (one[:2] == 0).all() and (two > 0).all()
    torch.testing.assert_close((one + two) / 2, losses_of(0, 1, 2))
