import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample

from mmvis_plugin.engine.hooks import memory_report_hook as module
from mmvis_plugin.registry import HOOKS


def window(video, frames, length):
    """Return results of some frames of a video."""
    return TrackDataSample(video_data_samples=[
        DetDataSample(
            metainfo=dict(
                video_name=video, frame_id=t, ori_video_length=length))
        for t in frames
    ])


@pytest.fixture
def report(monkeypatch):
    """Return a function that runs a test on windows; it returns the log."""
    lines, sizes = [], iter(range(100, 200))
    monkeypatch.setattr(module, 'print_log',
                        lambda text, logger: lines.append(text))
    monkeypatch.setattr(module, 'resident_bytes', lambda: next(sizes) * 2**20)

    def run(*batches, **options):
        lines.clear()
        hook = HOOKS.build(dict(type='MemoryReportHook', **options))
        for _ in range(2):
            hook.before_test(None)
            for i, batch in enumerate(batches):
                hook.after_test_iter(None, i, None, batch)
        return list(lines)

    return run


def test_one_line_when_a_video_has_ended(report):
    first, second = '{}: 4 frames, resident memory {} MiB'.format, 'b'
    lines = report([window('a', [0, 1], 4)], [window('a', [2, 3], 4)],
                   [window(second, range(4), 4)])
    names = [('a', 100), ('b', 101), ('a', 102), ('b', 103)]
    if torch.cuda.is_available():
        assert all('peak on the GPU' in line for line in lines)
        lines = [line.split(', peak')[0] for line in lines]
    assert lines == [first(*item) for item in names]


def test_every_second_video(report):
    batch = [window(name, [0], 1) for name in 'abc']
    lines = report(batch, interval=2)
    assert [line[0] for line in lines] == ['b', 'b']
    with pytest.raises(ValueError, match='interval=0 of MemoryReportHook'):
        report(interval=0)


def test_images_and_training_have_no_line(report):
    assert report([DetDataSample()], None) == []
    hook = HOOKS.build(dict(type='MemoryReportHook'))
    hook.after_train_iter(None, 0, None, dict(loss=1))
