"""The tools in several processes give what they give in one."""
import glob
import json
import os
import os.path as osp
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch.multiprocessing import get_context

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_vipseg,
                                                     write_youtube_vis)

ROOT = Path(__file__).resolve().parents[2]
INSPRO = ROOT / 'configs' / 'inspro' / 'inspro_r18_fpn_movingshapes-tiny.py'
CONFIG = """
_base_ = ['{root}/configs/_base_/datasets/moving_shapes_vis.py',
          '{root}/configs/_base_/default_runtime.py']
custom_imports = dict(imports=['mmvis_plugin', 'tests.guided_tracker'])
model = dict(type='GuidedTracker', data_preprocessor=dict(
    type='TrackDataPreprocessor', mean=[0.] * 3, std=[1.] * 3))
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict({dataset}))
train_cfg = train_dataloader = None
val_cfg = val_dataloader = val_evaluator = None
test_evaluator = [{metrics}]
"""
DATASETS = dict(
    instances="data_root='{data}/shapes/'",
    segments="""
    type='VIPSeg', data_root='{data}/vipseg/',
    ann_file='panoptic_gt_VIPSeg_val.json', img_suffix='.jpg',
    data_prefix=dict(
        _delete_=True, img_path='images/', seg_map_path='panomasksRGB/')""")
EVALUATORS = dict(
    instances="dict(type='VISMetric'), dict(type='BoxTubeMetric')",
    segments="dict(type='VPQMetric', windows=(1, 2, 4)),"
    "dict(type='STQMetric')")
LEADING = dict(instances=('vis/AP', 'boxtube/AP'), segments=('stq/STQ', ))
every_task = pytest.mark.parametrize('task', sorted(DATASETS))
TRAINING = """
_base_ = '{inspro}'
custom_imports = dict(imports=['mmvis_plugin', 'tests.guided_tracker'])
loader = dict(num_workers=0, persistent_workers=False,
              dataset=dict(data_root='{data}/'))
train_dataloader = dict(batch_size=1, **loader)
val_dataloader = dict(**loader)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
custom_hooks = [dict(type='SaveWeights')]
find_unused_parameters = False
load_from = None
"""


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Write videos, configs and a checkpoint; return their folder."""
    folder = tmp_path_factory.mktemp('distributed')
    cfg = get_cfg('micro', num_val=5, objects=(3, 5), classes=4)
    write_youtube_vis(str(folder / 'shapes'), cfg)
    write_vipseg(str(folder / 'vipseg'), cfg)
    for task, dataset in DATASETS.items():
        (folder / f'{task}.py').write_text(
            CONFIG.format(
                root=ROOT,
                dataset=dataset.format(data=folder),
                metrics=EVALUATORS[task]))
    torch.save(
        dict(state_dict=dict(shift=torch.tensor([5.]))),
        folder / 'weights.pth')
    return folder


def free_port() -> str:
    """Return a port that nobody listens to."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def run_tool(name, words, **environment):
    """Run a tool in this process; the working folder gets no files."""
    with mock.patch.object(sys, 'argv', [name, *words]), \
            mock.patch.dict(os.environ, environment):
        runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')


def in_two_processes(name, words, folder):
    """Run a tool as two processes that a launcher would start."""
    os.makedirs(folder, exist_ok=True)
    shared = dict(
        WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    ranks = [
        get_context('fork').Process(
            target=_run_rank,
            args=(name, [*words, '--launcher', 'pytorch'], folder),
            kwargs=dict(shared, RANK=str(rank), LOCAL_RANK=str(rank)))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0, 0]


def _run_rank(name, words, folder, **environment):
    os.chdir(folder)
    torch.set_num_threads(1)
    run_tool(name, words, **environment)


def logged(work_dir) -> dict:
    """Return what a test wrote into its log folder."""
    path, = glob.glob(osp.join(work_dir, '*', '*.json'))
    with open(path) as file:
        return json.load(file)


def scores_of(work_dir) -> dict:
    """Return the results of a test, with all digits as text."""
    results = logged(work_dir)
    return {key: repr(results[key]) for key in results if '/' in key}


def words_for(files, task, window, work_dir):
    """Return the command line of a test."""
    return [
        str(files / f'{task}.py'),
        str(files / 'weights.pth'), '--work-dir',
        str(work_dir), '--cfg-options',
        f'test_dataloader.sampler.window={window}'
    ]


@pytest.fixture(scope='module')
def alone(files):
    """Return the results of one process that gets whole videos."""
    results = {}
    for task in DATASETS:
        work_dir = files / f'alone_{task}'
        run_tool('test.py', words_for(files, task, None, work_dir))
        results[task] = scores_of(work_dir)
        for key in LEADING[task]:
            assert 0.1 < float(results[task][key]) < 0.9
    return results


@every_task
@pytest.mark.parametrize('window', [1, 5])
def test_one_process_with_windows(files, alone, tmp_path, task, window):
    run_tool('test.py', words_for(files, task, window, tmp_path))
    assert scores_of(tmp_path) == alone[task]


@every_task
@pytest.mark.parametrize('window', [None, 1])
def test_two_processes(files, alone, tmp_path, capsys, task, window):
    dump = str(tmp_path / 'results.pkl')
    words = ['--out', dump, *words_for(files, task, window, tmp_path)]
    in_two_processes('test.py', words, tmp_path)
    assert scores_of(tmp_path) == alone[task]
    # and once more from the file
    capsys.readouterr()
    run_tool('analysis_tools/eval_metric.py', [words[2], dump])
    lines = capsys.readouterr().out.splitlines()
    results = dict(
        line.split(': ') for line in lines if '/' in line.split(': ')[0])
    assert {k: repr(float(v)) for k, v in results.items()} == alone[task]


@every_task
def test_the_file_for_a_server(files, alone, tmp_path, capsys, task):
    words = words_for(files, task, 1, tmp_path)
    if task == 'segments':
        with pytest.raises(SystemExit):
            run_tool('test.py', ['--format-only', *words])
        assert "['VPQMetric', 'STQMetric'] writes" in capsys.readouterr().err
        words.append("test_evaluator.0.submission=vipseg")
    for number in (1, 2):
        folder = tmp_path / str(number)
        words[words.index('--work-dir') + 1] = str(folder)
        if number == 1:
            run_tool('test.py', ['--format-only', *words])
        else:
            in_two_processes('test.py', ['--format-only', *words], folder)
        assert scores_of(folder) == {}
        assert [
            path.name for path in folder.iterdir()
            if path.is_file() and path.suffix != '.py'
        ] == ['results.submission_file.zip']
    one, two = ((tmp_path / number /
                 'results.submission_file.zip').read_bytes()
                for number in '12')
    assert one == two


def test_the_script_for_several_processes(files, alone, tmp_path):
    config, weights, *options = words_for(files, 'instances', 5, tmp_path)
    environment = dict(
        os.environ,
        PORT=free_port(),
        PYTHONPATH=str(ROOT),
        PATH=osp.dirname(sys.executable) + os.pathsep + os.environ['PATH'])
    done = subprocess.run([
        'bash',
        str(ROOT / 'tools' / 'dist_test.sh'), config, weights, '2', *options
    ],
                          cwd=tmp_path,
                          env=environment,
                          capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert scores_of(tmp_path) == alone['instances']
    assert logged(tmp_path)['settings'] == dict(
        VISMetric=dict(track_score='given'),
        BoxTubeMetric=dict(track_score='given'))


def test_training_in_two_processes(files, tmp_path):
    config = files / 'train.py'
    config.write_text(
        TRAINING.format(root=ROOT, data=files / 'shapes', inspro=INSPRO))
    words = [str(config), '--work-dir', str(tmp_path)]
    in_two_processes('train.py', words, tmp_path)
    one, two = (torch.load(tmp_path / f'rank{i}.pth') for i in range(2))
    for key, value in one['weights'].items():
        assert torch.equal(value, two['weights'][key]), key
    assert one['seen'] and not set(one['seen']) & set(two['seen'])
    saved = torch.load(tmp_path / 'iter_2.pth')['state_dict']
    assert saved.keys() == one['weights'].keys()
