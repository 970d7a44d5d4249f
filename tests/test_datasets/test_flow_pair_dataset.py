import shutil

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmvis_plugin.datasets import FlowPairDataset
from mmvis_plugin.datasets.synthetic import (generate_flow, generate_frame,
                                             get_cfg)
from mmvis_plugin.datasets.synthetic.writers import write_vipseg
from mmvis_plugin.utils.errors import AnnotationError

CFG = get_cfg(
    'micro', num_train=1, num_val=1, num_frames=4, image_format='png')
PIPELINE = [dict(type='LoadFlowPair'), dict(type='PackFlowPair')]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_vipseg(str(root / 'set'), CFG, with_flow=True)
    return root / 'set'


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def test_all_pairs_of_a_split(data):
    dataset = FlowPairDataset(
        str(data), pattern='images/val_*/*.png', pipeline=PIPELINE)
    pairs = set()
    for item in dataset:
        sample = item['data_samples']
        source, target = (
            int(path.split('/')[-1][:-4]) for path in sample.img_paths)
        pairs.add((source, target))
        for img, frame in zip(item['inputs'], (source, target)):
            expected = generate_frame(CFG, 'val', 0, frame)
            assert (img.permute(1, 2, 0).numpy() == expected).all()
        flow, valid = generate_flow(CFG, 'val', 0, source, target)
        found = sample.gt_flow
        assert found.flow.dtype == torch.float32
        assert np.abs(found.flow.numpy() - flow).max() <= 1 / 128
        assert (found.valid[0].numpy() == valid).all()
    assert pairs == {(a, b)
                     for a in range(4)
                     for b in range(4) if 1 <= abs(a - b) <= 2}


def test_all_flow_of_a_folder(data):
    dataset = FlowPairDataset(str(data), pipeline=PIPELINE)
    assert len(dataset) == 2 * 10
    paths = [dataset.get_data_info(i)['flow_path'] for i in range(20)]
    assert paths == sorted(set(paths))


def test_flow_that_is_not_there(data):
    with pytest.raises(
            FileNotFoundError, match=r"set/motion: no file fits .*\*\*/\*"):
        FlowPairDataset(str(data), flow_folder='motion')
    with pytest.raises(FileNotFoundError, match='pattern=.*test_'):
        FlowPairDataset(str(data), pattern='images/test_*/*.png')


def test_names_and_images_that_do_not_fit(data, tmp_path):
    root = tmp_path / 'set'
    shutil.copytree(data, root)
    folder = root / 'flow/images/train_0000'
    path = folder / '00000000_to_00000001.png'
    path.rename(folder / 'forward.png')
    with pytest.raises(AnnotationError, match='forward.png: name of another'):
        FlowPairDataset(str(root))
    (folder / 'forward.png').rename(path)
    (root / 'images/train_0000/00000003.png').unlink()
    with pytest.raises(
            AnnotationError,
            match="00000001_to_00000003.png: no image '00000003' in"):
        FlowPairDataset(str(root))
