import pytest

from mmvis_plugin.datasets.samplers import (VideoWindowSampler,
                                            video_window_sampler)
from mmvis_plugin.registry import DATA_SAMPLERS


class Videos(list):
    """Lengths of videos."""

    def get_len_per_video(self, idx):
        return self[idx]


@pytest.mark.parametrize('window, expected', [
    (None, [(0, 0, 5), (1, 0, 2)]),
    (1, [(0, t, t + 1) for t in range(5)] + [(1, 0, 1), (1, 1, 2)]),
    (3, [(0, 0, 3), (0, 3, 5), (1, 0, 2)]),
    (9, [(0, 0, 5), (1, 0, 2)]),
])
def test_windows_in_temporal_order(window, expected):
    sampler = VideoWindowSampler(Videos([5, 2]), window=window)
    assert list(sampler) == list(sampler) == expected
    assert len(sampler) == len(expected)


@pytest.mark.parametrize('world_size', [1, 2, 3, 8])
def test_ranks_share_videos_without_padding(monkeypatch, world_size):
    videos = Videos([4, 3, 6, 1, 2])
    seen = []
    for rank in range(world_size):
        monkeypatch.setattr(video_window_sampler, 'get_dist_info', lambda:
                            (rank, world_size))
        sampler = VideoWindowSampler(videos, window=2)
        items = list(sampler)
        assert len(sampler) == len(items)
        seen.append({item[0] for item in items})
    assert sum(len(part) for part in seen) == len(set().union(*seen)) == 5


def test_built_as_the_runner_builds_it():
    sampler = DATA_SAMPLERS.build(
        dict(type='VideoWindowSampler', window=1),
        default_args=dict(dataset=Videos([2]), seed=3))
    assert list(sampler) == [(0, 0, 1), (0, 1, 2)]
    sampler.set_epoch(4)


def test_wrong_use():
    with pytest.raises(TypeError, match='expected a dataset of videos'):
        VideoWindowSampler([1, 2])
    for window in (0, 1.5, '3'):
        with pytest.raises(ValueError, match='window='):
            VideoWindowSampler(Videos([3]), window=window)
