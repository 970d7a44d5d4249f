"""The recipes of flow networks take a step and test on files of flow."""
from copy import deepcopy

import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_vipseg
from mmvis_plugin.registry import DATASETS, METRICS
from .recipe_steps import build
from .recipes import FLOW_RECIPES, load


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """MovingShapes, far smaller than that of the recipes."""
    root = tmp_path_factory.mktemp('data') / 'set'
    cfg = get_cfg('micro', num_train=1, num_val=1, num_frames=3)
    write_vipseg(str(root), cfg, with_flow=True)
    return root


@pytest.mark.parametrize('name', FLOW_RECIPES)
def test_a_step_of_training_and_of_testing(name, data):
    cfg = Config(deepcopy(load(name).to_dict()))
    cfg.model.train_iters = cfg.model.flow.iters = 2
    model = build(cfg.model)
    batches = {}
    for key in ('train_dataloader', 'val_dataloader'):
        dataset = DATASETS.build(dict(cfg[key].dataset, data_root=str(data)))
        assert len(dataset) == 6
        batches[key] = pseudo_collate([dataset[0], dataset[1]])
    assert 'train_' in load(name).train_dataloader.dataset.pattern
    assert 'val_' in load(name).val_dataloader.dataset.pattern
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = deepcopy(model.state_dict())
    losses = model.train_step(batches['train_dataloader'], wrapper)
    assert losses['loss_flow'].isfinite()
    after = model.state_dict()
    assert all((after[k] != v).any() for k, v in before.items())
    metric = METRICS.build(cfg.val_evaluator)
    results = model.eval().val_step(batches['val_dataloader'])
    metric.process({}, [sample.to_dict() for sample in results])
    scores = metric.evaluate(2)
    assert set(scores) == {
        f'flow/{key}'
        for key in ('EPE', '1px', '3px', 'Fl-all', 'zero_EPE')
    }
    assert scores['flow/EPE'] > 0
