from collections import Counter
from types import SimpleNamespace

import pytest

from mmvis_plugin.datasets.samplers import (JointVideoSampler,
                                            joint_video_sampler)
from mmvis_plugin.registry import DATA_SAMPLERS


def joint(*sizes):
    return SimpleNamespace(datasets=[range(size) for size in sizes])


def test_every_dataset_is_reached_with_its_own_offset():
    drawn = list(JointVideoSampler(joint(3, 5, 2), epoch_length=300, seed=0))
    assert len(drawn) == 300
    assert set(drawn) == set(range(10))


@pytest.mark.parametrize('ratio, share', [(None, 0.5), ((3, 1), 0.75),
                                          ((0, 1), 0.)])
def test_datasets_are_drawn_by_ratio_not_by_size(ratio, share):
    sampler = JointVideoSampler(
        joint(10, 1000), ratio=ratio, epoch_length=4000, seed=0)
    first = sum(i < 10 for i in sampler) / 4000
    assert abs(first - share) < 0.03


def test_a_dataset_is_used_up_before_it_starts_anew():
    drawn = [
        i for i in JointVideoSampler(joint(4, 6), epoch_length=200, seed=1)
        if i < 4
    ]
    for start in range(0, len(drawn) - 3, 4):
        assert set(drawn[start:start + 4]) == {0, 1, 2, 3}
    assert max(Counter(drawn).values()) - min(Counter(drawn).values()) <= 1


def test_seed_and_epoch_fix_the_order():

    def order(seed, epoch):
        sampler = JointVideoSampler(joint(20, 30), seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert len(order(0, 0)) == 50


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_ranks_stride_through_one_order(monkeypatch, world_size):
    parts = []
    for rank in range(world_size):
        monkeypatch.setattr(joint_video_sampler, 'get_dist_info', lambda:
                            (rank, world_size))
        sampler = JointVideoSampler(joint(7, 9), epoch_length=10, seed=2)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler) == -(-10 // world_size)
    merged = [parts[i % world_size][i // world_size] for i in range(10)]
    monkeypatch.setattr(joint_video_sampler, 'get_dist_info', lambda: (0, 1))
    total = len(parts[0]) * world_size
    alone = list(JointVideoSampler(joint(7, 9), epoch_length=total, seed=2))
    assert merged == alone[:10]


def test_built_as_the_runner_builds_it():
    sampler = DATA_SAMPLERS.build(
        dict(type='JointVideoSampler', ratio=(1, 1)),
        default_args=dict(dataset=joint(3, 3), seed=3))
    assert sampler.seed == 3 and len(sampler) == 6


def test_wrong_use():
    with pytest.raises(TypeError, match='expected a JointVideoDataset'):
        JointVideoSampler([1, 2])
    for ratio in ((1, ), (1, -1), (0, 0)):
        with pytest.raises(ValueError, match='one per dataset'):
            JointVideoSampler(joint(3, 3), ratio=ratio)
