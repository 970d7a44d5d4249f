"""The page about datasets agrees with the configs and the tools."""
import re
import runpy
import shlex
from pathlib import Path

import pytest
from mmengine.config import Config

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import WRITERS

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / 'docs/en/user_guides'
PAGE = (GUIDES / 'dataset_prepare.md').read_text()
BASES = ROOT / 'configs/_base_/datasets'
ROWS = re.findall(r'^\| \[.*?\| `(\w+\.py)` \| `(\S+)` \|', PAGE, re.M)
COMMANDS = [
    line for page in ('dataset_prepare.md', 'custom_dataset.md')
    for block in re.findall(r'```bash\n(.*?)```', (
        GUIDES / page).read_text(), re.DOTALL)
    for line in block.strip().splitlines()
]


def first_dataset(cfg):
    dataset = cfg.train_dataloader.dataset
    return dataset.get('datasets', [dataset])[0]


def test_every_benchmark_has_its_row_and_section():
    named = {name for name, _ in ROWS}
    assert len(ROWS) == 10
    for path in BASES.glob('*.py'):
        assert path.name in named or f'`{path.name}`' in PAGE or re.match(
            r'coco_pseudo|cavis_|.*_pairs', path.stem), path.name


@pytest.mark.parametrize('name, root', ROWS)
def test_data_root_is_that_of_the_config(name, root):
    cfg = Config.fromfile(BASES / name)
    dataset = first_dataset(cfg)
    assert dataset.data_root == root
    tree = next(
        (block for block in re.findall(r'```text\n(.*?)```', PAGE, re.DOTALL)
         if root.rstrip('/').split('/')[1] in block.splitlines()[0]), PAGE)
    for dataset in (dataset, cfg.val_dataloader.dataset):
        file = dataset.ann_file.split('/')[-1]
        short = re.sub(r'train|valid|val', '*', file)
        listed = re.sub(r'\{[\w,]*\}|train2017|train|valid|val', '*', tree)
        assert short.replace('*2017', '*') in listed.replace('*2017', '*')


@pytest.mark.parametrize(
    'line', [c for c in COMMANDS if 'tools/t' not in c], ids=str)
def test_commands_are_understood(line):
    python, tool, *words = shlex.split(line)
    assert python == 'python'
    module = runpy.run_path(str(ROOT / tool))
    if 'browse_dataset' in tool:
        assert (ROOT / words[0]).is_file()
        return
    module['parse_args'](words)


@pytest.mark.parametrize('form', sorted(WRITERS))
def test_the_trees_are_those_that_the_writers_make(form, tmp_path):
    """Of each form, a file that the tree of the page names exists."""
    expected = dict(
        youtube_vis=[
            'train.json', 'valid.json', 'valid_with_gt.json',
            'train/JPEGImages', 'valid/JPEGImages'
        ],
        bdd_mots=[
            'images/seg_track_20/train', 'labels/seg_track_20/bitmasks/val',
            'labels/seg_track_20/rles/train'
        ],
        vipseg=[
            'images', 'panomasks', 'panomasksRGB', 'train.txt', 'val.txt',
            'panoptic_gt_VIPSeg_train.json', 'panoptic_gt_VIPSeg_val.json'
        ],
        cityscapes_vps=[
            'panoptic_im_train_city_vps.json', 'im_all_info_val_city_vps.json',
            'instances_train_city_vps_rle.json',
            'panoptic_gt_val_city_vps.json', 'train/cls', 'train/inst',
            'train/labelmap', 'train/panoptic_video', 'train/img',
            'val/img_all'
        ])[form]
    WRITERS[form](get_cfg('micro', num_train=1, num_val=1,
                          num_frames=5)).write(str(tmp_path / 'a'))
    for path in expected:
        assert (tmp_path / 'a' / path).exists(), path
        assert path.split('/')[-1].split('_')[0] in PAGE


def test_the_split_config_of_the_page_is_valid(tmp_path):
    text = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)[0]
    (tmp_path / 'mine.py').write_text(
        text.replace("'configs/", f"'{ROOT}/configs/"))
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.val_dataloader.dataset.ann_file.endswith('valsub.json')
    assert cfg.test_dataloader == cfg.val_dataloader
    assert dict(cfg.val_evaluator) == dict(type='VISMetric')
