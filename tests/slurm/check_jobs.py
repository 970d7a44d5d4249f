"""Training, testing and many videos in a real Slurm cluster of two slots.

Not part of the default suite: ``make test-slurm`` installs Slurm, which needs
root, and runs this file.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis
from ..bulk_videos import outputs_of, write_model, write_videos

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / 'tests' / 'slurm' / 'cluster.sh'
LIMIT = int(os.environ.get('SLURM_TEST_LIMIT', 1200))  # seconds per wait
CONFIG = """
_base_ = '{root}/configs/inspro/inspro_r18_fpn_movingshapes-tiny.py'
custom_imports = dict(imports=['mmvis_plugin', 'tests.slurm.pause_hook'])
# one worker each, so that signals to a job find workers
train_dataloader = dict(batch_size=1, dataset=dict(data_root='{data}/'))
val_dataloader = dict(dataset=dict(data_root='{data}/'))
test_dataloader = val_dataloader
train_cfg = dict(max_iters={max_iters}, val_interval=1000)
param_scheduler = dict(total_steps={max_iters})
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(interval=1000),
    stop=dict(interval=1))
custom_hooks = [dict(type='PauseHook', iteration=0, folder='')]
load_from = None
"""
pytestmark = pytest.mark.skipif(
    shutil.which('sbatch') is None, reason='needs Slurm: make test-slurm')


@pytest.fixture(scope='module')
def cluster():
    """Start the cluster; return the environment of its clients."""
    # not in the folder of the tests: the user munge cannot get into that
    folder = Path(tempfile.mkdtemp(prefix='slurm_'))
    subprocess.run(['bash', CLUSTER, 'start', folder], check=True, timeout=300)
    path = [os.path.dirname(sys.executable), os.environ['PATH']]
    yield dict(
        os.environ,
        SLURM_CONF=str(folder / 'slurm.conf'),
        PATH=os.pathsep.join(path),
        PYTHONPATH=str(ROOT),
        GPUS='2',
        GPUS_PER_NODE='2',
        CPUS_PER_TASK='1',
        GRES='')
    subprocess.run(['bash', CLUSTER, 'stop', folder], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    """Write videos and the config; return their folder."""
    folder = tmp_path_factory.mktemp('work')
    cfg = get_cfg('micro', num_val=2, objects=(2, 3), classes=4)
    write_youtube_vis(str(folder / 'shapes'), cfg)
    (folder / 'train.py').write_text(
        CONFIG.format(root=ROOT, data=folder / 'shapes', max_iters=5))
    return folder


def wait_for(condition, what):
    """Return the first true value of a condition."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError(f'{what}: not within {LIMIT} seconds')


def slurm(cluster, *words):
    """Run a command of Slurm; return what it prints."""
    return subprocess.run(
        words, env=cluster, check=True, capture_output=True, text=True).stdout


def job_of(cluster, job):
    """Return what Slurm knows of a job."""
    text = slurm(cluster, 'scontrol', 'show', 'job', job)
    return dict(word.split('=', 1) for word in text.split() if '=' in word)


def training(work, pause, folder):
    """Return the command line of a training that waits in an iteration."""
    folder.mkdir()
    return [
        'bash',
        str(ROOT / 'tools' / 'slurm_train.sh'), 'test', 'shapes',
        str(work / 'train.py'),
        str(work / 'run'), '--resume', '--cfg-options',
        f'custom_hooks.0.iteration={pause}', f'custom_hooks.0.folder={folder}'
    ]


def signal_when_paused(cluster, folder, number, job, log):
    """Send a signal to a job whose two processes wait for it."""
    wait_for(lambda: len(list(folder.glob('paused*'))) == 2,
             f'both processes in the iteration; see {log}')
    slurm(cluster, 'scancel', f'--signal={number}', job)


def test_a_signal_to_a_training_in_the_foreground(cluster, work):
    folder, log = work / 'first', work / 'first.log'
    with open(log, 'w') as file:
        srun = subprocess.Popen(
            training(work, 2, folder),
            cwd=work,
            env=cluster,
            stdout=file,
            stderr=subprocess.STDOUT)
    job = wait_for(
        lambda: slurm(cluster, 'squeue', '--noheader', '--format=%i').strip(),
        'the job in the queue')
    signal_when_paused(cluster, folder, 'TERM', job, log)
    assert srun.wait(LIMIT) == 75, log.read_text()
    text = log.read_text()
    assert 'stopped by SIGTERM after iteration 2' in text
    assert 'stopped by a signal; go on with' in text
    saved = [path.name for path in (work / 'run').glob('*.pth')]
    assert saved == ['iter_2.pth']


def test_a_batch_job_is_queued_again_and_resumes(cluster, work):
    folder, log = work / 'second', work / 'second.log'
    words = training(work, 4, folder)
    job = slurm(cluster, 'sbatch', '--parsable', '--partition=test',
                '--ntasks=2', '--cpus-per-task=1', '--requeue',
                '--open-mode=append', f'--chdir={work}', f'--output={log}',
                '--wrap', ' '.join(words)).strip()
    signal_when_paused(cluster, folder, 'USR1', job, log)
    wait_for(lambda: job_of(cluster, job)['Restarts'] == '1', 'the requeue')
    state = wait_for(
        lambda: (job_of(cluster, job)['JobState'] in
                 ('COMPLETED', 'FAILED') and job_of(cluster, job)),
        f'the end of the job; see {log}')
    text = log.read_text()
    assert state['JobState'] == 'COMPLETED', text
    assert state['ExitCode'] == '0:0'
    assert f'job {job} is queued again' in text
    # 2 iterations were done before, 2 in the first turn, 1 in the second
    assert re.findall(r'resumed epoch: \d+, iter: (\d+)', text) == ['2', '4']
    done = re.findall(r'Iter\(train\) *\[ *(\d)/5\]', text)
    assert done == ['3', '4', '5'], text
    assert (work / 'run' / 'iter_5.pth').is_file()


def test_a_test_in_two_processes(cluster, work):
    done = subprocess.run([
        'bash',
        str(ROOT / 'tools' / 'slurm_test.sh'), 'test', 'shapes',
        str(work / 'train.py'),
        str(work / 'run' / 'iter_5.pth'), '--work-dir',
        str(work / 'test')
    ],
                          cwd=work,
                          env=cluster,
                          capture_output=True,
                          text=True,
                          timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    path, = (work / 'test').glob('*/*.json')
    assert 'vis/AP' in json.loads(path.read_text())
    log, = (work / 'test').glob('*/*.log')
    assert 'GPU number: 2' in log.read_text()


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Write 12 videos, 3 of them broken, and a model; return their folder."""
    folder = tmp_path_factory.mktemp('bulk')
    write_videos(folder / 'videos', 12)
    write_model(folder)
    names = sorted(path.name for path in (folder / 'videos').iterdir())
    (folder / 'videos.txt').write_text('\n'.join(f'videos/{name}'
                                                 for name in names))
    return folder


def page_script(out):
    """Return the batch script of the page, for the slots of the cluster."""
    page = ROOT / 'docs' / 'en' / 'user_guides' / 'bulk_inference.md'
    script, = re.findall(r'```bash\n(#!.*?)```', page.read_text('utf-8'), re.S)
    changes = {
        '--array=0-15': '--array=0-1',
        '#SBATCH --gres=gpu:1\n': '',
        '--cpus-per-task=4': '--cpus-per-task=1',
        'tools/': f'{ROOT}/tools/',
        'CONFIG CHECKPOINT': 'spot_tracker.py spots.pth',
        '--out-dir out': f'--out-dir {out} --device cpu'
    }
    for old, new in changes.items():
        assert script.count(old) == 1, old
        script = script.replace(old, new)
    return script


def check_videos(folder, texts, launcher):
    """Look at what two tasks have printed and left in a folder."""
    for index, text in enumerate(texts):
        assert f'shard {index}/2 ({launcher}): 6 of 12 videos' in text
        assert re.search(rf'shard {index}/2: \d done, \d failed; ', text), text
    summary = json.loads((folder / 'summary.json').read_text())
    assert (summary['done'], summary['failed'], summary['open']) == (9, 3, 0)
    assert len((folder / 'failures.txt').read_text().splitlines()) == 3
    assert len(outputs_of(folder)) == 9


def test_videos_in_two_tasks_and_in_an_array(cluster, videos):
    script = videos / 'bulk.sh'
    script.write_text(page_script('array'))
    # both end with the code for videos that failed
    done = subprocess.run(
        ['sbatch', '--wait', '--output=array_%a.log', script],
        cwd=videos,
        env=cluster,
        timeout=LIMIT)
    texts = [(videos / f'array_{i}.log').read_text() for i in range(2)]
    assert done.returncode == 2, texts
    check_videos(videos / 'array', texts, 'Slurm array')

    _, python = page_script('tasks').split('\nsrun ')
    words = ['srun', '-n', '2', '--kill-on-bad-exit=0', *python.split()]
    done = subprocess.run(
        words,
        cwd=videos,
        env=cluster,
        capture_output=True,
        text=True,
        timeout=LIMIT)
    assert done.returncode == 2, done.stdout + done.stderr
    check_videos(videos / 'tasks', [done.stdout] * 2, 'srun')
    assert outputs_of(videos / 'tasks') == outputs_of(videos / 'array')
