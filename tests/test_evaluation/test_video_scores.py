from typing import Optional

import pytest

from mmvis_plugin.evaluation import VideoMetric
from mmvis_plugin.evaluation.video_scores import VideoScores


class Brightness(VideoMetric):
    """Mean of what the frames hold, and seven more names."""
    default_prefix: Optional[str] = 'light'

    def reduce_frame(self, frame, video):
        return frame['value']

    def reduce_video(self, video):
        return sum(video.frames) / len(video.frames)

    def compute_from_records(self, records):
        mean = sum(records.values()) / len(records)
        return dict(mean=mean, **{f'x{i}': mean + i for i in range(7)})


class Quality(Brightness):
    default_prefix: Optional[str] = 'vpq'

    def compute_from_records(self, records):
        return dict(VPQ_1=1., VPQ_th=2., VPQ=float(len(records)))


def sample(video_id, *values):
    return dict(video_data_samples=[
        dict(
            video_id=video_id,
            frame_id=t,
            ori_video_length=len(values),
            ori_shape=(4, 4),
            value=value) for t, value in enumerate(values)
    ])


@pytest.fixture
def scores():
    scores = VideoScores([Quality(), Brightness(prefix='own')])
    scores.process(sample(4, 1., 3.))
    scores.process(sample(2, 8.))
    return scores


def test_all_videos_and_each_alone(scores):
    overall, alone = scores.evaluate([2, 4])
    # the main one first; unknown metrics give their first six
    assert list(overall) == ['vpq/VPQ', 'vpq/VPQ_th'] + [
        f'own/{name}' for name in ('mean', 'x0', 'x1', 'x2', 'x3', 'x4')
    ]
    assert overall['vpq/VPQ'] == 2 and overall['own/mean'] == 5
    assert [alone[i]['vpq/VPQ'] for i in (2, 4)] == [1, 1]
    assert [alone[i]['own/mean'] for i in (2, 4)] == [8, 2]
    assert alone[2]['own/x1'] == 9
    assert list(alone[4]) == list(overall)


def test_only_wanted_videos_are_scored_alone(scores):
    _, alone = scores.evaluate([4])
    assert list(alone) == [4]


def test_no_metrics():
    scores = VideoScores([])
    scores.process(sample(1, 0.))
    assert scores.evaluate([1]) == ({}, {1: {}})
