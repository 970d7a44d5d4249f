"""The recipes of PanopticFCN, the first stage of HybridTracker."""
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from mmvis_plugin.datasets.class_tables import table_categories
from .recipe_steps import build_empty, take_steps
from .recipes import load, recipes_of

PANOPTIC_FCN = [
    name for name in recipes_of('hybrid_tracker')
    if Path(name).stem.startswith('panoptic-fcn')
]
PARTS = {'backbone', 'neck', 'panoptic_head'}


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def find(text):
    """Return the one recipe with a text in its name."""
    name, = (name for name in PANOPTIC_FCN if text in name)
    return name


@pytest.mark.parametrize('name', PANOPTIC_FCN)
def test_a_step_trains_all_that_is_not_frozen(name):
    done = take_steps(name)
    assert set(done.losses) == {
        'loss_pos_th', 'loss_pos_st', 'loss_seg_th', 'loss_seg_st'
    }
    assert {key.split('.')[0] for key in done.trainable} == PARTS
    assert {key.split('.')[0] for key in done.changed} == PARTS
    if 'r50' in name:
        frozen = ('.bn', 'downsample.1.', 'backbone.conv1.',
                  'backbone.layer1.')
        assert not [
            key for key in done.trainable
            if key.startswith('backbone') and any(f in key for f in frozen)
        ]


@pytest.mark.parametrize('name', PANOPTIC_FCN)
def test_schedule(name):
    cfg = load(name)
    wrapper = cfg.optim_wrapper
    assert wrapper.optimizer.type == 'SGD'
    assert wrapper.optimizer.momentum == 0.9
    assert wrapper.optimizer.weight_decay == 1e-4
    assert wrapper.clip_grad.type == 'value'
    assert wrapper.paramwise_cfg.norm_decay_mult == 0
    warm_up, decay = cfg.param_scheduler
    assert (warm_up.type, warm_up.start_factor) == ('LinearLR', 1e-3)
    assert (decay.type, decay.power) == ('PolyLR', 0.9)
    assert decay.end == cfg.train_cfg.max_iters


@pytest.mark.parametrize('text, lr, images', [
    ('fcn_r50_fpn_8xb2-90k_coco', 0.01, 16),
    ('fcn_r50_fpn_8xb2-270k_coco', 0.01, 16),
    ('8xb4-65k_cityscapes.', 0.02, 32),
    ('cityscapesvps', 0.0025, 4),
    ('viper', 0.02, 32),
])
def test_learning_rate_per_image(text, lr, images):
    cfg = load(find(text))
    assert cfg.optim_wrapper.optimizer.lr == lr
    assert cfg.auto_scale_lr.base_batch_size == images


@pytest.mark.parametrize('name', PANOPTIC_FCN)
def test_single_frames_are_scored_by_pq(name):
    cfg = load(name)
    assert cfg.train_dataloader.dataset.pipeline[0] == dict(
        type='ClipSample', num_frames=1)
    vpq = cfg.val_evaluator[0]
    assert vpq.type == 'VPQMetric' and 1 in vpq.windows
    assert cfg.test_dataloader == cfg.val_dataloader


@pytest.mark.parametrize('text, table',
                         [('8xb4-65k_cityscapes.', 'cityscapes_vps'),
                          ('cityscapesvps', 'cityscapes_vps'),
                          ('viper', 'viper')])
def test_classes_of_street_scenes(text, table):
    head = load(find(text)).model.panoptic_head
    is_thing = [category['isthing'] for category in table_categories(table)]
    assert head.num_things == sum(is_thing)
    assert head.num_stuff == len(is_thing) - sum(is_thing)
    assert head.semantic_mode == 'all'
    assert head.mask_weight == 4


def test_the_model_on_videos_starts_from_that_on_images():
    name = find('cityscapesvps')
    folder, before, file = load(name).load_from.split('/')
    assert folder == 'work_dirs'
    source = find(f'{before}.')
    assert file == f'iter_{load(source).train_cfg.max_iters}.pth'
    theirs, ours = (
        build_empty(recipe).state_dict() for recipe in (source, name))
    assert {
        k: v.shape
        for k, v in theirs.items()
    } == {
        k: v.shape
        for k, v in ours.items()
    }


@pytest.mark.parametrize('size, positions', [(400, 3), (512, 3), (600, 5)])
def test_models_for_small_images(size, positions):
    small = load(find(f'fcn-{size}_'))
    assert small.model.panoptic_head.num_positions == positions
    resize = small.test_dataloader.dataset.pipeline[0].transforms[1]
    assert resize.scale[1] == size
    for loader in (small.val_dataloader, small.test_dataloader):
        assert loader.dataset.pipeline[0].transforms[1] == resize


def test_star_is_wider_and_deformable():
    head = build_empty(find('star')).panoptic_head
    names = {name for name, _ in head.named_parameters()}
    assert 'feature_encoder.convs.0.conv.conv_offset.weight' in names
    assert head.thing_embed.out_features == 256
