"""Many videos in two processes, which are killed and started again."""
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch.multiprocessing import get_context

from mmvis_plugin.apis.bulk import BulkRecords, bulk_inference
from mmvis_plugin.apis.outputs import IdPictures
from ..bulk_videos import (BROKEN, FRAMES, outputs_of, state_files,
                           write_model, write_videos)

ROOT = Path(__file__).resolve().parents[2]
TOOL = str(ROOT / 'tools/misc/bulk_infer.py')
COUNT = 60
SAVE = ('--save', 'youtube_vis', 'ids', '--device', 'cpu')


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with 60 videos, 3 of them broken, and a model."""
    folder = tmp_path_factory.mktemp('bulk')
    write_videos(folder / 'videos', COUNT)
    write_model(folder)
    return folder


def words(place, out, *more):
    """Return a command line."""
    return [
        str(place / 'videos'),
        str(place / 'spot_tracker.py'),
        str(place / 'spots.pth'), '--out-dir',
        str(out), *SAVE, *more
    ]


def call(line, **environment):
    """Run the tool in this process and return its exit code."""
    with mock.patch.object(sys, 'argv', [TOOL, *line]), \
            mock.patch.dict(os.environ, environment):
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(TOOL, run_name='__main__')
    return stop.value.code


@pytest.fixture(scope='module')
def single(place):
    """The outputs of one process."""
    assert call(words(place, place / 'single')) == 2
    return outputs_of(place / 'single')


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def in_processes(line, deaths, log, environments):
    """Run the tool once per environment and return the exit codes."""
    processes = [
        get_context('fork').Process(
            target=_run, args=(line, death, log, environment))
        for death, environment in zip(deaths, environments)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def ranks():
    shared = dict(
        WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    return [dict(shared, RANK=str(i), LOCAL_RANK=str(i)) for i in range(2)]


def _run(line, death, log, environment):
    torch.set_num_threads(1)
    real = bulk_inference.run_video

    def logged(inferencer, video, *args):
        with open(log, 'a') as file:
            file.write(f'{video.name}\n')
        return real(inferencer, video, *args)

    bulk_inference.run_video = logged
    if death is not None:
        _die(*death)
    os.environ.update(environment)
    sys.argv = [TOOL, *line]
    runpy.run_path(TOOL, run_name='__main__')


def _die(owner, method, count, when):
    """Let the process be killed before or after a call of a method."""
    real, calls = getattr(owner, method), []

    def deadly(self, *args):
        calls.append(0)
        if len(calls) == count and when == 'before':
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(self, *args)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, deadly)


def runs(log):
    """Return how often each video went through the model."""
    return Counter(log.read_text().split())


def test_killed_and_restarted(place, single, tmp_path):
    out, log = tmp_path / 'out', tmp_path / 'first.txt'
    line = words(place, out)
    # one between outputs and record of a video, one in the middle of one
    deaths = ((BulkRecords, 'publish', 9, 'after'),
              (IdPictures, 'write', 10 * FRAMES + 2, 'before'))
    assert in_processes(line, deaths, log, ranks()) == [-9, -9]
    before = {p: p.stat().st_mtime_ns for p in state_files(out, 'records')}
    assert 15 < len(before) < 25 and len(state_files(out, 'claims')) == 2
    assert len(state_files(out, 'staging')) == 2
    assert len(runs(log)) == len(before) + 2
    assert not (out / 'summary.json').exists()

    log = tmp_path / 'second.txt'
    assert in_processes(line, (None, None), log, ranks()) == [2, 2]
    assert runs(log) == {
        f'v{i:02d}': 1
        for i in range(COUNT)
        if out / f'.bulk/records/v{i:02d}.json' not in before
    }
    assert before == {p: p.stat().st_mtime_ns for p in before}
    assert outputs_of(out) == single
    assert len(single) == (COUNT - len(BROKEN)) * (1 + FRAMES + 1)
    assert not state_files(out, 'claims') + state_files(out, 'staging')
    check_summary(out, place)


def check_summary(out, place):
    """Compare the summary over both processes with what is known."""
    summary = json.loads((out / 'summary.json').read_text())
    good = COUNT - len(BROKEN)
    assert (summary['videos'], summary['done'], summary['failed'],
            summary['open'], summary['frames']) == (COUNT, good, 3, 0,
                                                    FRAMES * good)
    assert not summary['complete'] and summary['seconds'] > 0
    lines = (out / 'failures.txt').read_text().splitlines()
    assert len(lines) == len(summary['failures']) == 3
    for path, message, line, failure in zip(
            sorted(BROKEN), [BROKEN[k] for k in sorted(BROKEN)], lines,
            summary['failures']):
        source = str(place / 'videos' / path)
        source = source.removesuffix('/1.png')
        assert line == f"{source}\t{failure['error']}"
        assert failure['video'] == path[:3] and failure['source'] == source
        assert message in failure['error']


def test_two_processes_of_the_same_part(place, single, tmp_path):
    out, log = tmp_path / 'out', tmp_path / 'log.txt'
    codes = in_processes(
        words(place, out), (None, None), log, [dict(), dict()])
    assert codes == [2, 2] and set(runs(log).values()) == {1}
    assert len(runs(log)) == COUNT and outputs_of(out) == single
    check_summary(out, place)


def test_started_by_torchrun(place, single, tmp_path):
    done = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2',
        '--master-port',
        free_port(), TOOL, *words(place, tmp_path)
    ],
                          env=dict(os.environ, PYTHONPATH=str(ROOT)),
                          capture_output=True,
                          text=True)
    # the launcher turns code 2 into 1
    assert done.returncode == 1, done.stderr
    for rank in range(2):
        assert f'shard {rank}/2 (torchrun): 30 of 60 videos' in done.stdout
        assert re.search(rf'shard {rank}/2: \d+ done, \d failed', done.stdout)
    assert outputs_of(tmp_path) == single
    check_summary(tmp_path, place)


def test_tasks_of_an_array_one_after_the_other(place, single, tmp_path,
                                               capsys):
    line, array = words(place, tmp_path), dict(
        SLURM_ARRAY_TASK_COUNT='2',
        SLURM_ARRAY_TASK_MIN='1',
        SLURM_ARRAY_TASK_MAX='2',
        SLURM_ARRAY_TASK_STEP='1')
    # v04 is in the first part, v07 and v11 in the second
    assert call(line, SLURM_ARRAY_TASK_ID='2', **array) == 2
    printed = capsys.readouterr()
    assert 'shard 1/2 (Slurm array): 30 of 60 videos' in printed.out
    assert re.search(
        r'shard 1/2: 28 done, 2 failed; 84 frames in \S+ s: \S+ '
        'videos/s', printed.out)
    assert 'failed: ' in printed.err and 'cannot be decoded' in printed.err
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert (summary['done'], summary['open']) == (28, 30)
    assert call(line, SLURM_ARRAY_TASK_ID='1', **array) == 2
    assert outputs_of(tmp_path) == single
    # nothing is left: no model is loaded
    with mock.patch('mmvis_plugin.apis.VideoInferencer', None):
        assert call(line) == 2
    assert '0 done, 57 done before, 3 failed' in capsys.readouterr().out


@pytest.mark.parametrize('more, message', [
    (('--score-thr', '0.5'), 'score_thr 0.3, now it is 0.5; give another'),
    (('--cfg-options', 'model.data_preprocessor.mean=[1.,2.,3.]'),
     'made with config_hash'),
    (('--shard', '2/2'), "shard '2/2': expected I/N with I from 0"),
    (('--max-frames', '0'), 'expected at least 1'),
])
def test_refused_in_one_line(place, single, capsys, more, message):
    assert call(words(place, place / 'single', *more)) == 1
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ') and message in line


def test_output_that_fits_no_video(place, tmp_path, capsys):
    line = words(place, tmp_path)
    line[line.index('ids')] = 'panoptic'
    assert call(line) == 1
    assert 'holds panoptic maps, but' in capsys.readouterr().err
    assert not state_files(tmp_path, 'records')
    assert not state_files(tmp_path, 'claims')


def test_the_page_explains_every_option():
    page = (ROOT / 'docs/en/user_guides/bulk_inference.md').read_text('utf-8')
    options = re.findall(r"'(--[a-z-]+)'", Path(TOOL).read_text('utf-8'))
    assert len(options) > 15
    assert not [option for option in options if f'`{option}' not in page]
