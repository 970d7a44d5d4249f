"""The recipes of CAVIS: three stages for instances and panoptic maps."""
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from .recipe_steps import build_empty, is_panoptic, take_steps
from .recipes import load, num_classes, recipes_of

RECIPES = recipes_of('cavis')
# what a stage trains, and the losses of no layer
STAGES = dict(
    segmenter=({'backbone', 'segment_head'},
               {'loss_ctx', 'loss_ctx_aux', 'loss_pcc', 'loss_pcc_aux'}),
    online=({'tracker'}, set()),
    offline=({'refiner'}, set()))


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def num_layers(cfg):
    """Return how many layers have losses."""
    model = cfg.model
    if model.stage == 'segmenter':
        return model.segment_head.transformer_decoder.num_layers + 1
    return model[dict(online='tracker',
                      offline='refiner')[model.stage]].num_layers


@pytest.mark.parametrize('name', RECIPES)
def test_a_stage_trains_its_own_parts(name):
    done, cfg = take_steps(name), load(name)
    parts, others = STAGES[cfg.model.stage]
    if cfg.model.get('loss_ref'):
        others = others | {'loss_ref', 'loss_ref_aux'}
    layers = [''] + [f'd{i}.' for i in range(num_layers(cfg) - 1)]
    assert set(done.losses) == others | {
        f'{layer}loss_{term}'
        for layer in layers
        for term in ('cls', 'mask', 'dice')
    }
    assert {key.split('.')[0] for key in done.trainable} == parts
    assert {key.split('.')[0] for key in done.changed} == parts


@pytest.mark.parametrize('name', RECIPES)
def test_a_stage_starts_where_the_one_before_it_ends(name):
    cfg = load(name)
    if cfg.model.stage == 'segmenter':
        return
    folder, before, file = cfg.load_from.split('/')
    assert folder == 'work_dirs'
    source = next(other for other in RECIPES if Path(other).stem == before)
    order = list(STAGES)
    assert order.index(
        load(source).model.stage) == order.index(cfg.model.stage) - 1
    assert file == f'iter_{load(source).train_cfg.max_iters}.pth'
    theirs = build_empty(source).state_dict()
    ours = build_empty(name).state_dict()
    assert all(ours[key].shape == value.shape for key, value in theirs.items())
    assert {key.split('.')[0]
            for key in set(ours) - set(theirs)} == STAGES[cfg.model.stage][0]


@pytest.mark.parametrize('name', RECIPES)
def test_all_parts_have_the_classes_of_the_data(name):
    cfg = load(name)
    count = num_classes(cfg)
    model = cfg.model
    for part in ('criterion', 'tracker', 'refiner'):
        if part in model:
            assert model[part].num_classes == count, part
    dataset = cfg.train_dataloader.dataset
    if 'metainfo' in dataset:
        assert len(dataset.metainfo.classes) == count
    loads_maps = 'LoadFramePanoptic' in str(dataset.pipeline)
    assert loads_maps == is_panoptic(cfg)


@pytest.mark.parametrize('name', RECIPES)
def test_tracker_and_refiner_see_frames_in_a_row(name):
    cfg = load(name)
    clip = cfg.train_dataloader.dataset.pipeline[0]
    stage = cfg.model.stage
    assert clip.mode == ('ref' if stage == 'segmenter' else 'dense')
    assert clip.get('reverse_prob', 0) == (0.5 if stage == 'offline' else 0)
