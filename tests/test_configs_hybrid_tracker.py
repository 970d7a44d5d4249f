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
    name, = (
        name for name in PANOPTIC_FCN
        if text in name and 'pcan-backbone' not in name)
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
    if 'tiny' not in name:
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


TRACKERS = [
    name for name in recipes_of('hybrid_tracker')
    if Path(name).stem.startswith('hybrid-tracker')
]
# what a stage trains, and its losses
STAGES = dict(
    stage2=('instance', 'instance_head', {'loss_match', 'match_acc'}),
    stage3=('fusion', 'fusion', {'loss_fusion', 'match_acc'}))


def tracker(text):
    """Return the one recipe of HybridTracker with a stem."""
    name, = (name for name in TRACKERS if Path(name).stem == text)
    return name


@pytest.mark.parametrize('name', TRACKERS)
def test_a_stage_trains_its_part(name):
    done, cfg = take_steps(name), load(name)
    stage = next((part for part in STAGES if part in name), None)
    if stage is None:
        assert cfg.train_cfg is None and cfg.test_cfg is not None
        return
    key, part, losses = STAGES[stage]
    assert cfg.model.stage == key and set(done.losses) == losses
    assert {param.split('.')[0] for param in done.trainable} == {part}
    assert (cfg.test_cfg is None) == (stage == 'stage2')
    clip, broadcast, _ = cfg.train_dataloader.dataset.pipeline
    assert clip.num_frames == 2 and broadcast.share_random_params
    # frames without pixels cannot be normalised
    load_frame = broadcast.transforms[0].type
    assert (load_frame == 'SkipVideoFrame') == (stage == 'stage2')
    assert (cfg.model.data_preprocessor.mean is None) == (stage == 'stage2')


@pytest.mark.parametrize('name', TRACKERS)
def test_trackers_have_the_segmenter_of_stage_1(name):
    cfg = load(name)
    data = name.split('_')[-1][:-3]
    # the small ones are named after their backbone, too
    source = find('fcn_' + Path(name).stem.split('_', 1)[1] if data ==
                  'movingshapes-vps-tiny' else data)
    wanted = build_empty(source).state_dict()
    ours = build_empty(name)
    found = ours.segmentor.state_dict()
    assert {
        k: v.shape
        for k, v in wanted.items()
    } == {
        k: v.shape
        for k, v in found.items()
    }
    preprocessor = load(source).model.data_preprocessor
    if cfg.model.data_preprocessor.mean is not None:
        assert cfg.model.data_preprocessor == preprocessor
    init = cfg.model.segmentor.get('init_cfg')
    assert (init is not None) == ('stage2' in name)
    if init is not None:
        last = f'iter_{load(source).train_cfg.max_iters}.pth'
        assert init.checkpoint == f'work_dirs/{Path(source).stem}/{last}'


@pytest.mark.parametrize('name', [n for n in TRACKERS if 'stage3' in n])
def test_stage_3_starts_where_stage_2_ends(name):
    folder, before, file = load(name).load_from.split('/')
    source = tracker(before)
    loop = load(source).train_cfg
    number = loop.get('max_epochs') or loop.max_iters
    assert folder == 'work_dirs' and file.endswith(f'_{number}.pth')
    theirs, ours = (
        build_empty(recipe).state_dict() for recipe in (source, name))
    assert set(theirs) == set(ours)


def test_number_of_parameters_of_the_published_model():
    model = build_empty(tracker('hybrid-tracker_r50_fpn_cityscapesvps'))
    counts = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in model.named_children()
    }
    assert counts['flow'] == 5_257_536 and counts['fusion'] == 2
    assert counts['instance_head'] == 2_656_256
    # its frozen norms count with their statistics
    counts['segmentor'] += sum(
        buffer.numel() for name, buffer in model.segmentor.named_buffers()
        if 'num_batches' not in name)
    assert sum(counts.values()) - counts['fusion'] == 44_772_908


@pytest.mark.parametrize('name', [n for n in TRACKERS if 'ablations' in n])
def test_ablations_have_their_trackers(name):
    model = load(name).model
    kind = Path(name).stem.split('_')[1]
    weights = dict(instance=(1, 0), pixel=(0, 1)).get(kind.split('-')[0])
    assert (model.flow is None) == (weights == (1, 0))
    assert (model.instance_head is None) == (weights == (0, 1))
    assert model.fusion.get('fixed', False) == (weights is not None)
    if weights is not None:
        assert tuple(model.fusion.weights) == weights
    wanted = 'none' if kind in ('instance', 'instance-mutual', 'pixel',
                                'hybrid') else 'bidirectional'
    assert model.test_cfg.temporal == wanted
    mutual = 'viper' in name or kind not in ('instance', 'instance-temporal')
    assert model.test_cfg.mutual == mutual
