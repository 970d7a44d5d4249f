import copy
import json
import os
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.logging import MMLogger
from torch.multiprocessing import get_context

from mmvis_plugin.evaluation import VideoMetric


class FrameCounter(VideoMetric):
    """Remembers which frames came and in which order videos are scored."""

    default_prefix = 'count'
    setting_names = ('allow_missing', )

    def reduce_frame(self, frame, video):
        assert len(video.frames) == frame['frame_id']
        return frame['frame_id']

    def reduce_video(self, video):
        return video.frames

    def compute_from_records(self, records):
        return dict(order=list(records), frames=list(records.values()))


def frames_of(video_id, length, size=(4, 6)):
    return [
        DetDataSample(
            metainfo=dict(
                video_id=video_id,
                video_name=f'clip{video_id}',
                frame_id=index,
                ori_video_length=length,
                ori_shape=size)) for index in range(length)
    ]


def sample_of(frames, provisional=None):
    sample = TrackDataSample()
    sample.video_data_samples = frames
    if provisional is not None:
        sample.set_metainfo(dict(provisional=provisional))
    return sample


def feed(metric, *samples):
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric


def test_videos_are_sorted_and_state_is_reset():
    metric = FrameCounter()
    for _ in range(2):
        feed(metric, *frames_of(5, 3), sample_of(frames_of(2, 2)),
             sample_of(frames_of(9, 4)[:3]), sample_of(frames_of(9, 4)[3:]))
        results = metric.evaluate(3)
        assert results == {
            'count/order': [2, 5, 9],
            'count/frames': [[0, 1], [0, 1, 2], [0, 1, 2, 3]]
        }


def test_the_log_names_the_settings(monkeypatch, capsys):
    logger = MMLogger('settings')
    monkeypatch.setattr(MMLogger, 'get_current_instance', lambda: logger)
    metric = feed(FrameCounter(), *frames_of(5, 3), *frames_of(2, 1))
    assert metric.settings == dict(allow_missing=False)
    metric.evaluate(2)
    line, = capsys.readouterr().out.splitlines()
    assert line.endswith('FrameCounter: 2 videos, allow_missing=False')


def test_the_first_record_of_a_video_counts():
    gathered = [(2, 'a'), (1, 'b'), (2, 'c')]
    assert FrameCounter().compute_metrics(gathered) == dict(
        order=[1, 2], frames=['b', 'a'])


@pytest.mark.parametrize('taken, message', [
    ([0, 2], r'video 3 \(clip3\): got frame 2 .* expected frame 1 of 4'),
    ([0, 1, 1], 'got frame 1 of video 3, expected frame 2 of 4'),
    ([1], 'got frame 1 of video 3, expected frame 0 of 4'),
    ([0, 1, 2, 3, 0], 'got frame 0 after its last frame'),
])
def test_frames_out_of_order(taken, message):
    frames = frames_of(3, 4)
    with pytest.raises(ValueError, match=message):
        feed(FrameCounter(), *(frames[index] for index in taken))


def test_whole_video_after_some_of_its_frames():
    frames = frames_of(3, 4)
    with pytest.raises(ValueError, match='expected frame 1 of 4'):
        feed(FrameCounter(), frames[0], sample_of(frames))


def test_mixed_videos_and_sizes_in_a_sample():
    frames = frames_of(3, 2)
    with pytest.raises(ValueError, match='got frame 1 of video 4, expected'):
        feed(FrameCounter(), sample_of([frames[0], frames_of(4, 2)[1]]))
    with pytest.raises(
            ValueError,
            match=r'frame 1: size \(5, 6\), expected '
            r'\(4, 6\) as in frame 0'):
        feed(FrameCounter(), frames[0], frames_of(3, 2, (5, 6))[1])
    with pytest.raises(ValueError, match='a sample without frames'):
        FrameCounter().process(None, [dict(video_data_samples=[])])
    with pytest.raises(
            ValueError, match="metainfo 'ori_video_length' is miss"):
        FrameCounter().process(None, [dict(video_id=1, frame_id=0)])


def test_evaluate_with_an_open_video():
    metric = feed(FrameCounter(), *frames_of(1, 2), *frames_of(3, 4)[:3])
    with pytest.raises(
            ValueError,
            match=r'1 videos are incomplete: video 3 '
            r'\(clip3\) has 3 of 4 frames; feed'):
        metric.evaluate(2)
    with pytest.raises(ValueError, match='no video was processed'):
        metric.evaluate(0)


def test_provisional_windows_wait_for_the_whole_video():
    frames = frames_of(3, 4)
    metric = feed(FrameCounter(), sample_of(frames[:1], True),
                  sample_of(frames[1:3], True), sample_of(frames, False))
    assert metric.evaluate(1)['count/frames'] == [[0, 1, 2, 3]]
    with pytest.raises(ValueError, match='got frame 2 .* expected frame 1'):
        feed(metric, sample_of(frames[:1], True), sample_of(frames[2:3], True))
    metric = feed(FrameCounter(), sample_of(frames[:3], True))
    with pytest.raises(ValueError, match='after provisional windows comes'):
        feed(metric, sample_of(frames[3:]))
    metric = feed(FrameCounter(), sample_of(frames[:3], True))
    with pytest.raises(ValueError, match=r'3 of 4 frames \(provisional\)'):
        metric.evaluate(1)
    metric = feed(FrameCounter(), frames[0])
    with pytest.raises(ValueError, match='provisional=True after provision'):
        feed(metric, sample_of(frames[1:2], True))


def test_missing_videos():

    def build(allow_missing=False, **meta):
        metric = FrameCounter(allow_missing=allow_missing)
        metric.dataset_meta = meta
        return feed(metric, *frames_of(1, 2), *frames_of(3, 4))

    with pytest.raises(ValueError, match=r'1 videos .*: \[2\]; process'):
        build(video_ids=(1, 2, 3)).evaluate(3)
    with pytest.raises(ValueError, match=r"1 videos .*'1 of unknown id'"):
        build().evaluate(3)
    for metric, ids in ((build(True, video_ids=(1, 2, 3)), r'\[2\]'),
                        (build(True), 'of unknown id')):
        with pytest.raises(ValueError, match=f'1 missing .*{ids}.*--allow-m'):
            metric.evaluate(3)
    # offline evaluation gives the number of samples
    assert build().evaluate(6)['count/order'] == [1, 3]


def test_missing_videos_count_as_misses(metric_data, build_metric, to_videos,
                                        to_samples, tmp_path):
    case = metric_data('ytvis_ap_a.json.gz')
    path = tmp_path / 'gt.json'
    path.write_text(json.dumps(case['gt']))
    expected = copy.deepcopy(case)
    expected['pred'] = [p for p in case['pred'] if p['video_id'] != 3]
    results = {}
    for name, source, kept in (('missing', case, (1, 2, 4)),
                               ('empty', expected, (1, 2, 3, 4))):
        metric = build_metric(source, allow_missing=True, ann_file=str(path))
        for frames in to_videos(source):
            if frames[0].video_id in kept:
                metric.process(None, to_samples([frames]))
        results[name] = metric.evaluate(4)
    assert str(results['missing']) == str(results['empty'])
    for options, message in ((dict(), r'not known: \[2, 3, 4\]'),
                             (dict(ann_file=str(path)), r'in it: \[9\]')):
        metric = build_metric(case, allow_missing=True, **options)
        if options:
            metric.dataset_meta['video_ids'] = (1, 9)
        metric.process(None, to_samples(to_videos(case)[:1]))
        with pytest.raises(ValueError, match=message):
            metric.evaluate(4)


def run_rank(rank, world_size, folder, metric, samples):
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size))
    dist.init_process_group(
        'gloo',
        init_method=f'file://{folder}/init',
        rank=rank,
        world_size=world_size)
    # ranks get different numbers of videos, and the last one a repeated one
    mine = samples[rank::world_size]
    if rank == world_size - 1 and rank > 0:
        mine = mine + samples[:1]
    for sample in mine:
        metric.process(None, [sample.to_dict()])
    results = metric.evaluate(len(samples))
    with open(f'{folder}/rank{rank}.json', 'w') as file:
        json.dump(results, file)


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_and_order_do_not_matter(metric_data, build_metric, to_videos,
                                       to_samples, tmp_path, world_size):
    case = metric_data('ytvis_ap_a.json.gz')
    samples = to_samples(to_videos(case))
    alone = build_metric(case, outfile_prefix=str(tmp_path / 'alone'))
    for sample in reversed(samples):
        alone.process(None, [sample.to_dict()])
    expected = alone.evaluate(len(samples))
    metric = build_metric(
        case,
        outfile_prefix=str(tmp_path / 'ranks'),
        collect_dir=str(tmp_path / 'collect'))
    context = get_context('fork')
    ranks = [
        context.Process(
            target=run_rank,
            args=(rank, world_size, tmp_path, metric, samples))
        for rank in range(world_size)
    ]
    with mock.patch.dict(os.environ):
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(60)
    assert [process.exitcode for process in ranks] == [0] * world_size
    for rank in range(world_size):
        results = json.loads((tmp_path / f'rank{rank}.json').read_text())
        assert str(results) == str(expected)
    assert (tmp_path / 'ranks.submission_file.zip').read_bytes() == (
        tmp_path / 'alone.submission_file.zip').read_bytes()
    assert not list(tmp_path.glob('*.part'))
