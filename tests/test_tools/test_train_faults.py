"""Whatever ends a training, only the work since its checkpoint is lost."""
import os
import re
import zipfile
from collections import Counter

import pytest
import torch

from mmvis_plugin.utils.checkpoint import latest_checkpoint
from ..fault_training import (copy, launch, losses, options, saved, train,
                              weights, write_config)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Train without a fault in one and in two processes."""
    folder = tmp_path_factory.mktemp('whole')
    config = write_config(folder)
    for ranks in (1, 2):
        code, text = train(config, folder / str(ranks), ranks=ranks)
        assert code == 0, text
        assert sorted(losses(folder / str(ranks))) == list(range(1, 10))
    return folder


@pytest.fixture
def config(tmp_path):
    """Write the config of a training."""
    return write_config(tmp_path)


def last(work_dir):
    """Return the number of the checkpoint to go on from."""
    return int(re.search(r'_(\d)\.pth', latest_checkpoint(str(work_dir)))[1])


def check_same(work_dir, expected, *runs):
    """Compare runs with one without a fault.

    Each of ``runs`` is the iteration that it began after, and its last.
    """
    logged, reference = losses(work_dir), losses(expected)
    assert logged.keys() == reference.keys()
    for step, values in logged.items():
        assert set(values) == set(reference[step]), step
    if runs:
        done = Counter(s for start, end in runs
                       for s in range(start + 1, end + 1))
        assert done == {step: len(values) for step, values in logged.items()}
    ours, theirs = weights(work_dir), weights(expected)
    for key, value in theirs.items():
        assert torch.equal(ours[key], value), key
    assert 'checkpoint.tmp' not in saved(work_dir)


def error_lines(text):
    """Return the lines that say what ended a run."""
    return [line for line in text.splitlines() if line.startswith('error: ')]


def test_kill_9_of_one_process_and_of_all(config, tmp_path, whole):
    run = tmp_path / 'run'
    code, text = launch(config, run, *options('kill', 6, rank=1))
    # the other one has ended by itself, or this would have taken too long
    assert code != 0
    assert last(run) == 4, text
    line, = error_lines(text)
    assert 'process 0 of 2 lost another one' in line and '--resume' in line

    code, text = launch(config, run, '--resume', *options('kill', 7))
    assert code != 0
    assert 'iter: 4' in text and last(run) == 6

    code, text = train(config, run, '--resume', ranks=2)
    assert code == 0, text
    check_same(run, whole / '2', (0, 5), (4, 6), (6, 9))


def test_kill_9_while_a_checkpoint_is_written(config, tmp_path, whole):
    run = tmp_path / 'run'
    code, text = train(config, run, *options('write', 6))
    assert code == -9, text
    assert saved(run) == ['checkpoint.tmp', 'iter_2.pth', 'iter_4.pth']
    code, text = train(config, run, '--resume')
    assert code == 0, text
    check_same(run, whole / '1', (0, 6), (4, 9))


def test_full_disk(config, tmp_path, whole):
    run = tmp_path / 'run'
    code, text = train(config, run, *options('full', 6))
    assert code == 1, text
    line, = error_lines(text)
    assert f'{run / "iter_6.pth"}: File too large (' in line
    assert 'make room' in line and '--resume' in line
    assert saved(run) == ['iter_2.pth', 'iter_4.pth']
    code, text = train(config, run, '--resume')
    assert code == 0, text
    check_same(run, whole / '1', (0, 6), (4, 9))


def damage(path):
    """Change a few numbers of a checkpoint, as a bad disk does."""
    with zipfile.ZipFile(path) as file:
        part = max(
            (info for info in file.infolist() if '/data/' in info.filename),
            key=lambda info: info.file_size)
    with open(path, 'r+b') as file:
        # name and an extra field come before the content
        file.seek(part.header_offset + 26)
        sizes = (int.from_bytes(file.read(2), 'little') for _ in range(2))
        file.seek(part.header_offset + 30 + sum(sizes))
        file.write(b'\x07' * 8)


def test_damaged_checkpoint(config, tmp_path, whole):
    run = tmp_path / 'run'
    copy(whole / '1', run)
    os.remove(run / 'iter_9.pth')
    (run / 'last_checkpoint').write_text(str(run / 'iter_8.pth'))
    damage(run / 'iter_8.pth')
    # torch does not notice
    torch.load(run / 'iter_8.pth')
    code, text = train(config, run, '--resume', str(run / 'iter_8.pth'))
    line, = error_lines(text)
    assert code == 1 and 'iter_8.pth: its part' in line
    code, text = train(config, run, '--resume')
    assert code == 0, text
    assert re.search(
        r'WARNING - .*iter_8\.pth: its part .* is damaged; going on from '
        r'.*iter_6\.pth', text)
    check_same(run, whole / '1', (0, 9), (6, 9))


def test_sigterm_before_the_time_limit(config, tmp_path, whole):
    run = tmp_path / 'run'
    code, text = train(config, run, *options('term', 5))
    assert code == 75, text
    assert 'stopped by SIGTERM after iteration 5' in text
    assert last(run) == 5
    code, text = train(config, run, '--resume')
    assert code == 0, text
    check_same(run, whole / '1', (0, 5), (5, 9))


def test_a_data_worker_dies(tmp_path, whole):
    config, run = write_config(tmp_path, workers=1), tmp_path / 'run'
    code, text = train(config, run, '--cfg-options',
                       'train_dataloader.dataset.fatal=17')
    assert code == 1, text
    line, = error_lines(text)
    index = re.search(r'fatal is (\d+)', text)[1]
    # torch may notice before it knows the signal
    assert re.search(
        '(killed by signal: Killed|exited unexpectedly) while it loaded '
        fr'sample {index} \(video number-{index}\); ', line)
    assert 'num_workers' in line and '--resume' in line
    # batches are loaded ahead
    start = last(run)
    assert start in (2, 4)
    code, text = train(config, run, '--resume')
    assert code == 0, text
    check_same(run, whole / '1')
