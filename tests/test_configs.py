"""Every shipped config takes one training and one test step."""
import copy
from dataclasses import dataclass

import pytest
import torch
from mmdet.structures import TrackDataSample
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

import mmvis_plugin  # noqa: F401
from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import fake_clips
from .recipes import RECIPES, load

INSPRO = 'configs/inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
LITE = INSPRO.replace('inspro_r50', 'inspro-lite_r50')
OVIS = INSPRO.replace('youtubevis2019', 'ovis')
VID = 'configs/inspro/inspro-vid_r50_fpn_8xb1-90k_imagenetvid.py'
VID_101 = VID.replace('r50', 'r101')
COCO = 'configs/inspro/inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py'

# widths and depths that cost time and are not what a config decides
WIDTHS = {64: 8, 100: 12, 128: 8, 256: 32, 2048: 32}
WIDE_KEYS = {
    'in_channels', 'out_channels', 'feat_channels', 'embed_dims',
    'proposal_feature_channel', 'feedforward_channels', 'num_proposals'
}
SMALL = {
    'model.backbone.init_cfg': None,
    'model.backbone.base_channels': 8,
    'model.neck.in_channels': [32, 64, 128, 256],
    'model.roi_head.num_stages': 2
}
STEPS = {}


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def narrow(cfg):
    """Return a copy of a model config with narrow layers."""
    if not isinstance(cfg, dict):
        return cfg
    small = {key: narrow(value) for key, value in cfg.items()}
    for key in WIDE_KEYS & set(cfg):
        if isinstance(cfg[key], int):
            small[key] = WIDTHS.get(cfg[key], cfg[key])
    return small


def small_model(cfg):
    """Return the model config at a size that trains in a second."""
    if cfg.model.backbone.depth < 50:
        return cfg.model
    small = Config(dict(model=narrow(cfg.model)))
    small.merge_from_dict(SMALL)
    return small.model


def build(cfg):
    """Build and initialise a model."""
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(cfg))
    model.init_weights()
    return model


def num_clip_frames(cfg):
    """Return how many frames the training clips of a config have."""
    dataset = cfg.train_dataloader.dataset
    counts = {
        dataset.pipeline[0].num_frames
        for dataset in dataset.get('datasets', [dataset])
    }
    assert len(counts) == 1
    return counts.pop()


def fake_batch(cfg):
    """Return inputs and samples as the preprocessor would hand them on."""
    num_classes = cfg.model.roi_head.bbox_head.num_classes
    if cfg.model.type == 'InsProImageDetector':
        inputs, clips = fake_clips([[[1, 2]], [[]]], num_classes)
        return inputs[:, 0], [clip[0] for clip in clips]
    ids = [[1, 2], [2], [], [2, 3], [1, 3]][:num_clip_frames(cfg)]
    return fake_clips([ids], num_classes)


@dataclass
class Steps:
    """What one training and one test step of a config left.

    Attributes:
        losses (dict): Of the training step.
        trainable (set): Names of parameters.
        reached (set): Those with a finite gradient.
        changed (set): Those that the optimizer changed.
        results (list): Of the test step.
    """
    losses: dict
    trainable: set
    reached: set
    changed: set
    results: list


def run_steps(model, cfg):
    """Train on a fake batch, then predict it."""
    params = dict(model.named_parameters())
    before = {name: p.detach().clone() for name, p in params.items()}
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = model.train().loss(*fake_batch(cfg))
    total, _ = model.parse_losses(losses)
    optim_wrapper.backward(total)
    graded = {n: p.grad for n, p in params.items() if p.grad is not None}
    reached = {name for name, g in graded.items() if g.isfinite().all()}
    optim_wrapper.step()
    changed = {n for n, p in params.items() if not p.equal(before[n])}
    trainable = {n for n, p in params.items() if p.requires_grad}
    with torch.no_grad():
        results = model.eval().predict(*fake_batch(cfg))
    return Steps(losses, trainable, reached, changed, results)


def take_steps(name):
    """Return :class:`Steps`, once for configs that do not differ in them."""
    cfg = load(name)
    frames = cfg.model.type == 'InsPro' and num_clip_frames(cfg)
    key = repr((cfg.model, cfg.optim_wrapper, frames))
    if key not in STEPS:
        STEPS[key] = run_steps(build(small_model(cfg)), cfg)
    return STEPS[key]


@pytest.mark.parametrize('name', RECIPES)
def test_one_step_of_training(name):
    done = take_steps(name)
    for key, value in done.losses.items():
        assert torch.isfinite(value).all(), key
    head = load(name).model.roi_head
    wanted = {'loss_cls', 'loss_bbox', 'loss_iou'}
    if head.mask_head is not None:
        wanted |= {'loss_dice', 'loss_mask_focal'}
    if head.criterion.loss_dedup is not None:
        wanted.add('loss_dedup')
    assert {key.split('.')[1] for key in done.losses} == wanted
    assert done.reached == done.trainable
    assert done.changed <= done.trainable
    assert any('fc_cls' in key for key in done.changed)
    has_masks = head.mask_head is not None
    assert any('fc_mask' in key for key in done.changed) == has_masks


@pytest.mark.parametrize('name', RECIPES)
def test_one_step_of_testing(name):
    cfg, results = load(name), take_steps(name).results
    _, samples = fake_batch(cfg)
    limit = cfg.model.test_cfg.max_per_video
    assert len(results) == len(samples)
    for sample, result in zip(samples, results):
        if isinstance(sample, TrackDataSample):
            assert len(result) == len(sample)
            found = [frame.pred_track_instances for frame in result]
        else:
            found = [result.pred_instances]
            assert found[0].masks.shape[1:] == sample.ori_shape
        for frame in found:
            assert len(frame.scores) == len(frame.bboxes) <= limit
            has_masks = cfg.model.roi_head.mask_head is not None
            assert ('masks' in frame) == has_masks
            assert not has_masks or len(frame.masks) == len(frame.bboxes)


def test_the_paper_model_at_full_size():
    cfg = load(INSPRO).copy()
    cfg.model.backbone.init_cfg = None
    model = build(cfg.model)
    batch = fake_clips([[[1, 2]]], num_classes=40)
    with torch.no_grad():
        losses = model.train().loss(*batch)
        result = model.eval().predict(*batch)[0]
    assert len(losses) == 6 * 6  # terms and stages
    assert all(value.isfinite().all() for value in losses.values())
    assert len(result) == 1 and 'masks' in result[0].pred_track_instances


def test_lite_clips_have_a_frame_per_role():
    cfg = load(LITE)
    assert num_clip_frames(cfg) == len(cfg.model.lite_roles) == 5
    assert all(
        key.startswith('roi_head.lite_head.')
        for key in take_steps(LITE).changed)
    assert cfg.train_dataloader.dataset.pipeline[1:] == load(
        INSPRO).train_dataloader.dataset.pipeline[1:]


def build_empty(name):
    """Build the model of a config without memory for its weights."""
    cfg = copy.deepcopy(load(name).model)
    with torch.device('meta'):
        return MODELS.build(cfg)


@pytest.mark.parametrize('name', [INSPRO, OVIS])
def test_weights_of_the_pre_training_fit_all_but_classes_and_bank(name):
    theirs = build_empty(COCO).state_dict()
    ours = build_empty(name).state_dict()
    assert set(theirs) <= set(ours)
    new = {'intra_query.fc.weight', 'intra_query.fc.bias'}
    assert set(ours) - set(theirs) == {f'roi_head.{key}' for key in new}
    misfits = [k for k, v in theirs.items() if ours[k].shape != v.shape]
    assert sorted(misfits) == [
        f'roi_head.bbox_head.{stage}.fc_cls.{kind}' for stage in range(6)
        for kind in ('bias', 'weight')
    ]


def test_box_only_models_take_the_pre_training_without_its_mask_parts():
    theirs, ours = (
        set(build_empty(name).state_dict()) for name in (COCO, VID))
    assert {key.split('.')[1] for key in ours - theirs} == {'intra_query'}
    assert all('mask' in key for key in theirs - ours)


def test_number_of_parameters_of_the_box_only_model():
    model = build_empty(VID_101)
    assert sum(p.numel() for p in model.parameters()) == 125206173
