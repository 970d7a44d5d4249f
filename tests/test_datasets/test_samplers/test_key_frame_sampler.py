import pytest

from mmvis_plugin.datasets.samplers import KeyFrameSampler, key_frame_sampler
from mmvis_plugin.registry import DATA_SAMPLERS


class Videos(list):
    """Videos as lists of numbers of objects."""

    def get_data_info(self, index):
        return dict(images=[
            dict(instances=[dict(ignore_flag=0)] * num) for num in self[index]
        ])


DATA = Videos([[1, 0, 2], [0], [1, 1]])
FRAMES = [(0, 0), (0, 2), (2, 0), (2, 1)]


def test_every_frame_with_an_object_is_drawn_once():
    sampler = KeyFrameSampler(DATA, seed=0)
    assert sorted(sampler) == FRAMES and len(sampler) == 4
    assert list(KeyFrameSampler(DATA, shuffle=False)) == FRAMES


def test_seed_and_epoch_fix_the_order():
    one, two = (KeyFrameSampler(DATA, seed=3) for _ in range(2))
    assert list(one) == list(two)
    orders = set()
    for epoch in range(8):
        one.set_epoch(epoch)
        orders.add(tuple(one))
    assert len(orders) > 2


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_share_an_epoch(monkeypatch, world_size):
    drawn = []
    for rank in range(world_size):
        monkeypatch.setattr(
            key_frame_sampler,
            'get_dist_info',
            lambda rank=rank: (rank, world_size))
        part = list(KeyFrameSampler(DATA, seed=1))
        assert len(part) == -(-4 // world_size)
        drawn += part
    assert set(drawn) == set(FRAMES)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match='no frame of the data set'):
        KeyFrameSampler(Videos([[0, 0]]))


def test_is_registered():
    sampler = DATA_SAMPLERS.build(
        dict(type='KeyFrameSampler', dataset=DATA, seed=0))
    assert isinstance(sampler, KeyFrameSampler)
