"""The recipes of PCAN: three stages, or two of the one-stage model."""
import re
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

from .recipe_steps import build, build_empty, small_model, take_steps
from .recipes import load, recipes_of

RECIPES = recipes_of('pcan')
BOX_LOSSES = {
    'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox', 'acc',
    'loss_track', 'loss_track_aux'
}
ONE_STAGE_LOSSES = {
    'loss_cls', 'loss_bbox', 'loss_centerness', 'loss_mask', 'loss_track',
    'loss_track_aux'
}
# losses, and the prefixes of what is trained
STAGES = {
    'stage1-box':
    (BOX_LOSSES, ('detector.backbone.', 'detector.neck.', 'detector.rpn_head.',
                  'detector.roi_head.bbox_head.', 'track_head.')),
    'stage2-mask': ({'loss_mask'}, ('detector.roi_head.mask_head.', )),
    'condinst-stage1':
    (ONE_STAGE_LOSSES,
     ('detector.backbone.', 'detector.neck.', 'detector.bbox_head.',
      'detector.mask_head.', 'track_head.', 'frame_pcam.')),
    'stage3': ({'loss_refine'}, ('refine_head.', ))
}


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def stage_of(name):
    """Return losses and trained prefixes of a recipe."""
    if 'no-refine' in name:
        return STAGES['stage2-mask']
    found = [stage for stage in STAGES if stage in name]
    return STAGES[found[0] if found else 'stage3']


@pytest.mark.parametrize('name', RECIPES)
def test_a_stage_trains_its_own_parts(name):
    done, (losses, prefixes) = take_steps(name), stage_of(name)
    assert set(done.losses) == losses
    assert all(key.startswith(prefixes) for key in done.trainable)
    for prefix in prefixes:
        assert any(key.startswith(prefix) for key in done.changed), prefix


@pytest.mark.parametrize('name', RECIPES)
def test_only_models_with_masks_have_masks(name):
    (result, ) = take_steps(name).results
    for frame in result:
        found = frame.pred_track_instances
        assert len(found) > 0
        assert ('masks' in found) == ('stage1-box' not in name)


@pytest.mark.parametrize('name', RECIPES)
def test_a_stage_starts_where_the_one_before_it_ends(name):
    path = load(name).load_from
    if 'stage1' in name:
        assert path is None
        return
    folder, before, file = path.split('/')
    assert folder == 'work_dirs'
    source = next(other for other in RECIPES if Path(other).stem == before)
    loop = load(source).train_cfg
    assert file == (f'epoch_{loop.max_epochs}.pth'
                    if 'max_epochs' in loop else f'iter_{loop.max_iters}.pth')
    theirs = build_empty(source).state_dict()
    ours = build_empty(name).state_dict()
    assert all(ours[key].shape == value.shape for key, value in theirs.items())
    # what is new is trained now, or takes no part in training
    new = stage_of(name)[1] + ('frame_pcam.mu', 'refine_head.')
    assert all(key.startswith(new) for key in set(ours) - set(theirs))


@pytest.mark.parametrize('name', RECIPES)
def test_every_frame_with_objects_is_a_key_frame_of_a_pair(name):
    loader = load(name).train_dataloader
    assert loader.sampler.type == 'KeyFrameSampler'
    sources = loader.dataset.get('datasets', [loader.dataset])
    for source in sources:
        clip, broadcast, _ = source.pipeline
        assert clip == dict(
            type='ClipSample',
            num_frames=2,
            frame_range=3,
            mode='ref',
            share_object=True)
        assert broadcast.share_random_params
        if source.type != 'BDD100KImages':
            assert not source.filter_cfg.filter_empty_gt


def test_schedule_of_the_released_model():
    names = [n for n in RECIPES if 'bdd100k' in n and 'ablations' not in n]
    for name in names:
        cfg = load(name)
        stage1 = 'stage1' in name
        assert cfg.optim_wrapper.optimizer == dict(
            type='SGD',
            lr=0.04 if stage1 else 0.01,
            momentum=0.9,
            weight_decay=1e-4)
        assert 'clip_grad' not in cfg.optim_wrapper
        warm_up, steps = cfg.param_scheduler
        assert (warm_up.end, warm_up.start_factor) == (1000, 1e-3)
        assert steps.milestones == [8, 11] and cfg.train_cfg.max_epochs == 12
    assert len(names) == 3


def test_number_of_parameters():
    model = build_empty('configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py')
    assert sum(p.numel() for p in model.refine_head.parameters()) == 2695681
    assert {
        key: tuple(value.shape)
        for key, value in model.named_buffers() if re.search(r'mu\d?$', key)
    } == dict({f'frame_pcam.mu{i}': (1, 256, 30)
               for i in range(5)}, **{
                   f'refine_head.{side}_mu': (1, 256, 10)
                   for side in ('pos', 'neg')
               })


def test_only_the_released_variant_changes_its_bases_in_tests():
    main = 'configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py'
    released = 'configs/pcan/ablations/pcan_r50_released_4xb2-12e_bdd100k.py'
    feat, logits = torch.randn(2, 32, 14, 14), torch.randn(2, 1, 28, 28)
    for name, changes in ((main, False), (released, True)):
        head = build(small_model(load(name))).eval().refine_head
        before = head.pos_mu.clone()
        with torch.no_grad():
            head(feat, logits, feat, logits)
        assert head.pos_mu.equal(before) != changes
