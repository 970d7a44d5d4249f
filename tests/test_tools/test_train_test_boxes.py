"""Train and test the tiny recipe of InsPro-VID with the command line tools."""
import os.path as osp
import re
import runpy
import sys

import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
CONFIG = osp.join(ROOT, 'configs', 'inspro',
                  'inspro-vid_r18_fpn_movingshapes-tiny.py')


@pytest.fixture
def tool(monkeypatch, capsys, tmp_path):
    """Return a function that runs a tool and gives its output."""
    data = tmp_path / 'shapes'
    write_youtube_vis(str(data), get_cfg('micro', num_frames=4, classes=4))
    loaders = [f'{split}_dataloader' for split in ('train', 'val', 'test')]

    def run(name, *words, options=()):
        options = [
            *options, *(f'{x}.dataset.data_root={data}/' for x in loaders)
        ]
        options += [f'{x}.num_workers=0' for x in loaders]
        options += [f'{x}.persistent_workers=False' for x in loaders]
        monkeypatch.setattr(sys, 'argv',
                            [name, *words, '--cfg-options', *options])
        runpy.run_path(osp.join(ROOT, 'tools', name), run_name='__main__')
        return capsys.readouterr().out

    return run


def scores(text):
    """Return the names of the first results that a tool printed."""
    return re.findall(r'boxtube/(\w+): \d', text)[:3]


def test_boxes_are_trained_and_scored(tool, tmp_path):
    work_dir = str(tmp_path / 'run')
    out = tool(
        'train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        options=('train_cfg.max_iters=2', 'train_cfg.val_interval=2',
                 'default_hooks.checkpoint.interval=2',
                 'train_dataloader.batch_size=1', 'load_from=None',
                 'log_processor.window_size=1',
                 'default_hooks.logger.interval=1'))
    assert 's2.loss_dedup' in out and 'loss_dice' not in out
    assert scores(out) == ['AP', 'AP50', 'AP75']
    out = tool(
        'test.py',
        CONFIG,
        osp.join(work_dir, 'iter_2.pth'),
        '--work-dir',
        str(tmp_path / 'test'),
        options=('test_dataloader.sampler.window=1', ))
    assert scores(out) == ['AP', 'AP50', 'AP75']
