"""The bases of BDD100K MOTS build, and run on data of their form."""
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.converters import convert_bdd100k
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots
from mmvis_plugin.registry import DATA_SAMPLERS, DATASETS, METRICS
from .recipes import ROOT

NAMES = ('bdd100k_mots', 'moving_shapes_mots')


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Write MovingShapes as labels and as converted files."""
    root = tmp_path_factory.mktemp('mots') / 'bdd100k'
    write_bdd_mots(str(root), get_cfg('micro', num_train=2, num_val=1))
    for split in ('train', 'val'):
        path = root / f'annotations/bdd100k_mots_{split}.json'
        convert_bdd100k(str(root), str(path), split)
    return str(root)


@pytest.mark.parametrize('name', NAMES)
def test_bases_run_on_data_of_their_form(name, root):
    cfg = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.test_evaluator == cfg.val_evaluator
    names = [item['name'] for item in load_table('bdd100k_mots')['categories']]
    for loader, length in ((cfg.train_dataloader, 2), (cfg.val_dataloader, 1)):
        dataset = DATASETS.build({**loader.dataset, 'data_root': root})
        assert list(dataset.metainfo['classes']) == names
        assert len(dataset) == length
        sampler = DATA_SAMPLERS.build(
            loader.sampler, default_args=dict(dataset=dataset))
        sample = dataset[next(iter(sampler))]
        clip = 2 if length == 2 else 6
        size = (64, 96) if name == 'moving_shapes_mots' else (720, 1080)
        assert sample['inputs'].shape == (clip, 3, *size)
        frame = sample['data_samples'].video_data_samples[0]
        if length == 2:
            assert frame.gt_instances.masks.masks.shape[1:] == size
    metrics = [METRICS.build(metric) for metric in cfg.val_evaluator]
    assert [type(metric).__name__
            for metric in metrics] == ['MOTSMetric', 'FrameCocoMetric']
    assert metrics[0].track_label == 'frame'
    assert list(metrics[1].proposal_nums) == [1, 10, 100]
