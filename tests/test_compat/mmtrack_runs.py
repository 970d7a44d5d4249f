"""Train and test the configs of the scope mmtrack, one step each."""
import sys
from pathlib import Path
from typing import Dict

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_bdd_mots,
                                                     write_vipseg,
                                                     write_youtube_vis)

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs/mmtrack').glob('*.py'))
CFG = get_cfg('micro', num_frames=3, num_train=1, num_val=1, classes=4)
DATA = dict(YouTubeVISDataset='vis', BDD100KMOTS='mots', VIPSeg='vipseg')


class NoteLosses(Hook):
    """Keep the losses of the last iteration."""

    losses: Dict[str, float] = {}

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        """Note the losses."""
        self.losses = {
            key: float(value)
            for key, value in outputs.items() if 'loss' in key
        }


def write_data(folder):
    """Write one short video per split in each form."""
    write_youtube_vis(str(folder / 'vis'), CFG)
    write_bdd_mots(str(folder / 'mots'), CFG)
    write_vipseg(str(folder / 'vipseg'), CFG, with_flow=True)


def small_config(path, folder):
    """Return a config that takes one step on the data in a folder."""
    # not formatted when it is logged: for a large config that takes seconds
    cfg = Config(
        Config.fromfile(path).to_dict(),
        filename=str(path),
        format_python_code=False)
    root = str(folder / DATA[cfg.dataset_type]) + '/'
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = root
    # a batch of all key frames
    cfg.train_dataloader.batch_size = CFG.num_frames
    if 'flow' in cfg.model:
        cfg.model.flow.data_root = root
    for key in ('max_epochs', 'max_iters'):
        if key in cfg.train_cfg:
            cfg.train_cfg[key] = 1
    cfg.load_from = None
    cfg.work_dir = str(folder / 'work' / Path(path).stem)
    return cfg


def train_and_test(cfg):
    """Return the losses of the training step and the results of the test."""
    runner = Runner.from_cfg(cfg)
    notes = NoteLosses()
    runner.register_hook(notes)
    runner.train()
    return notes.losses, runner.test()


if __name__ == '__main__':
    data = Path(sys.argv[1])
    for config in CONFIGS:
        losses, results = train_and_test(small_config(config, data))
        if not losses or not results:
            sys.exit(f'{config}: losses {losses}, results {results}')
        print(f'DONE {config.stem}')
