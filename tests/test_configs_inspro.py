"""The recipes of InsPro."""
import pytest
import torch
from mmdet.structures import TrackDataSample
from mmengine.registry import DefaultScope

from mmvis_plugin.testing import fake_clips
from .recipe_steps import build, build_empty, num_clip_frames, take_steps
from .recipes import load, recipes_of

RECIPES = recipes_of('inspro')
INSPRO = 'configs/inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
LITE = INSPRO.replace('inspro_r50', 'inspro-lite_r50')
OVIS = INSPRO.replace('youtubevis2019', 'ovis')
VID = 'configs/inspro/inspro-vid_r50_fpn_8xb1-90k_imagenetvid.py'
VID_101 = VID.replace('r50', 'r101')
COCO = 'configs/inspro/inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py'


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.mark.parametrize('name', RECIPES)
def test_losses(name):
    done = take_steps(name)
    head = load(name).model.roi_head
    wanted = {'loss_cls', 'loss_bbox', 'loss_iou'}
    if head.mask_head is not None:
        wanted |= {'loss_dice', 'loss_mask_focal'}
    if head.criterion.loss_dedup is not None:
        wanted.add('loss_dedup')
    assert {key.split('.')[1] for key in done.losses} == wanted
    assert any('fc_cls' in key for key in done.changed)
    has_masks = head.mask_head is not None
    assert any('fc_mask' in key for key in done.changed) == has_masks


@pytest.mark.parametrize('name', RECIPES)
def test_results(name):
    cfg = load(name)
    has_masks = cfg.model.roi_head.mask_head is not None
    for result in take_steps(name).results:
        found = [frame.pred_track_instances for frame in result] if isinstance(
            result, TrackDataSample) else [result.pred_instances]
        for frame in found:
            assert len(frame.scores) <= cfg.model.test_cfg.max_per_video
            assert ('masks' in frame) == has_masks


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
