"""The recipes of CAVIS: three stages for instances and panoptic maps."""
import re
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from .recipe_steps import is_panoptic, small_model, take_steps
from .recipes import load, num_classes, recipes_of

RECIPES = recipes_of('cavis')
# the backbone of single frames comes from one of these
BACKBONES = recipes_of('hybrid_tracker')
# what a stage trains, and the losses of no layer
STAGES = dict(
    segmenter=({'backbone', 'segment_head'},
               {'loss_ctx', 'loss_ctx_aux', 'loss_pcc', 'loss_pcc_aux'}),
    online=({'tracker'}, set()),
    offline=({'refiner'}, set()))
# recipes that differ in data and widths alone are one here
KINDS = [
    name for name in RECIPES
    if re.search('movingshapes|r50.*(ovis|2019|vipseg)|vit-l.*ovis', name)
    and 'ablations' not in name
]


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def num_layers(model):
    """Return how many layers have losses."""
    if model.stage == 'segmenter':
        return model.segment_head.transformer_decoder.num_layers + 1
    return model[dict(online='tracker',
                      offline='refiner')[model.stage]].num_layers


@pytest.mark.parametrize('name', KINDS)
def test_a_stage_trains_its_own_parts(name):
    done, model = take_steps(name), small_model(load(name))
    parts, others = STAGES[model.stage]
    if model.get('loss_ref') and model.stage == 'online':
        others = others | {'loss_ref', 'loss_ref_aux'}
    layers = [''] + [f'd{i}.' for i in range(num_layers(model) - 1)]
    assert set(done.losses) == others | {
        f'{layer}loss_{term}'
        for layer in layers
        for term in ('cls', 'mask', 'dice')
    }
    assert {key.split('.')[0] for key in done.trainable} == parts
    assert {key.split('.')[0] for key in done.changed} == parts


def parts_of(cfg):
    """Return what the weights of a model depend on."""
    return {
        part: cfg.model[part]
        for part in ('backbone', 'segment_head', 'tracker', 'refiner')
        if cfg.model.get(part) is not None
    }


@pytest.mark.parametrize('name', RECIPES)
def test_a_stage_starts_where_the_one_before_it_ends(name):
    cfg = load(name)
    if cfg.load_from.startswith('checkpoints/'):
        assert cfg.model.stage == 'segmenter'
        return
    folder, before, file = cfg.load_from.split('/')
    assert folder == 'work_dirs'
    source = load(
        next(n for n in (*RECIPES, *BACKBONES) if Path(n).stem == before))
    assert file == f'iter_{source.train_cfg.max_iters}.pth'
    assert source.train_cfg.max_iters % (
        source.default_hooks.checkpoint.interval) == 0
    if 'pretrain' in name:
        theirs, ours = source.model.backbone, cfg.model.backbone
        assert dict(theirs, init_cfg=None) == dict(ours, init_cfg=None)
        return
    if 'pretrain' in before:
        assert cfg.model.stage == 'segmenter'
        assert source.model.backbone == cfg.model.backbone
        return
    order = list(STAGES)
    assert order.index(source.model.stage) == order.index(cfg.model.stage) - 1
    ours, theirs = parts_of(cfg), parts_of(source)
    assert set(ours) - set(theirs) == STAGES[cfg.model.stage][0]
    assert all(ours[part] == value for part, value in theirs.items())
    assert source.model.task == cfg.model.task


@pytest.mark.parametrize('name', RECIPES)
def test_all_parts_have_the_classes_of_the_data(name):
    cfg = load(name)
    count = num_classes(cfg)
    model = cfg.model
    for part in ('criterion', 'tracker', 'refiner'):
        if model.get(part):
            assert model[part].num_classes == count, part
    for dataset in datasets_of(cfg):
        if 'metainfo' in dataset:
            assert len(dataset.metainfo.classes) == count
        loads_maps = 'LoadFramePanoptic' in str(dataset.pipeline)
        assert loads_maps == is_panoptic(cfg)


def datasets_of(cfg):
    """Return the training datasets, videos before images."""
    dataset = cfg.train_dataloader.dataset
    return dataset.get('datasets', [dataset])


@pytest.mark.parametrize('name', RECIPES)
def test_tracker_and_refiner_see_frames_in_a_row(name):
    cfg = load(name)
    video, *images = [dataset.pipeline[0] for dataset in datasets_of(cfg)]
    stage = cfg.model.stage
    assert video.mode == ('ref' if stage == 'segmenter' else 'dense')
    assert all(clip.mode == 'dense' for clip in images)
    for clip in (video, *images):
        assert clip.get('reverse_prob',
                        0) == (0.5 if stage == 'offline' else 0)
