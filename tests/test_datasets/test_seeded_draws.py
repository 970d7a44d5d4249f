"""A stream of samples depends on the seed and the position alone."""
import itertools
import pickle

import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader

from mmvis_plugin.datasets.seeded_draws import SeededDataset, seeded_loader
from ..toy_training import NoisyNumbers


def stream(start: int = 0, count: int = 9, seed: int = 5, **kwargs) -> list:
    """Return some batches from a position on."""
    dataset = NoisyNumbers(7)
    make_sampler = kwargs.pop('sampler', InfiniteSampler)
    loader = seeded_loader(
        DataLoader(
            dataset,
            batch_size=2,
            sampler=make_sampler(dataset, seed=1),
            collate_fn=torch.stack,
            **kwargs), seed)
    loader.batch_sampler.start = start
    return list(itertools.islice(loader, count))


@pytest.mark.parametrize('sampler', [InfiniteSampler, DefaultSampler])
@pytest.mark.parametrize('num_workers', [0, 2])
def test_starting_later_gives_the_same_batches(sampler, num_workers):
    whole = stream(sampler=sampler)
    tail = stream(5, 4, sampler=sampler, num_workers=num_workers)
    assert len(tail) == 4
    for one, other in zip(whole[5:], tail):
        assert torch.equal(one, other)


def test_augmentation_never_repeats():
    noise = torch.cat(stream(count=40)).flatten()
    assert len(noise.unique()) == len(noise)
    assert not torch.equal(stream(seed=6)[0], stream(seed=5)[0])


def test_a_finite_sampler_is_shuffled_anew():
    first, second = (
        torch.cat(stream(start, 4, sampler=DefaultSampler))[:, 0].round()
        for start in (0, 4))
    assert not torch.equal(first, second)


def test_nothing_is_drawn_before_the_start_is_known():
    dataset = NoisyNumbers()
    sampler = InfiniteSampler(dataset, seed=1)
    expected = next(iter(InfiniteSampler(dataset, seed=1)))
    loader = seeded_loader(DataLoader(dataset, 1, sampler=sampler), 0)
    assert list(loader) == []
    assert next(iter(sampler)) == expected


def test_attributes_are_those_of_the_dataset():
    dataset = pickle.loads(pickle.dumps(SeededDataset(NoisyNumbers(4))))
    assert len(dataset) == 4
    assert dataset.metainfo == dict(classes=('number', ))
    with pytest.raises(AttributeError):
        dataset.nothing


def test_what_mmengine_looks_for_is_there():
    dataset = NoisyNumbers(6)
    sampler = DefaultSampler(dataset)
    loader = seeded_loader(DataLoader(dataset, 2, sampler=sampler), 0)
    assert loader.batch_sampler.sampler is sampler
    assert loader.batch_sampler.batch_size == 2
    assert len(loader) == 3


def test_a_loader_without_batches_is_refused():
    with pytest.raises(ValueError, match='batch_size is None'):
        seeded_loader(DataLoader(NoisyNumbers(), batch_size=None), 0)


def test_a_dataset_smaller_than_a_batch_is_refused():
    dataset = NoisyNumbers(1)
    loader = seeded_loader(DataLoader(dataset, 2, drop_last=True), 0)
    loader.batch_sampler.start = 0
    with pytest.raises(ValueError, match='yields no batch'):
        next(iter(loader))
