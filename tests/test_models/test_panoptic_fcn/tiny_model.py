"""A small PanopticFCN and annotated images for its tests."""
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import add_panoptic_maps, fake_clips
from ...recipes import load

TINY = 'configs/hybrid_tracker/panoptic-fcn_r18_fpn_movingshapes-vps-tiny.py'
THINGS, STUFF = 4, 6


def build_tiny(**head):
    """Return the model of the tiny recipe, with changes of its head."""
    cfg = load(TINY).model.copy()
    cfg.panoptic_head = dict(cfg.panoptic_head, **head)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg)
    model.init_weights()
    return model


def build_finder():
    """Return a model whose maps, of random weights, hold many segments."""
    model = build_tiny(
        test_cfg=dict(
            center_thr=0.1,
            stuff_thr=0.,
            sim_thr=0.999,
            mask_thr=0.9,
            rescored_thr=0.,
            score_thr=0.,
            overlap_thr=0.9,
            stuff_area=1))
    head = model.panoptic_head
    for layer in (head.thing_embed, head.stuff_embed):
        torch.nn.init.normal_(layer.weight, std=0.3)
    for conv in (*head.position_head.modules(), *head.kernel_head.modules(),
                 *head.feature_encoder.modules()):
        if isinstance(conv, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(conv.weight)
    return model.eval()


def clips(ids, seed=0, size=(64, 96)):
    """Return inputs and clips with panoptic maps; ``ids`` as fake_clips."""
    inputs, samples = fake_clips(ids, THINGS, seed, size)
    add_panoptic_maps(samples, THINGS)
    return inputs, samples


def images(ids, **kwargs):
    """Return inputs and images with panoptic maps; ids of each image."""
    inputs, samples = clips([[objects] for objects in ids], **kwargs)
    return inputs[:, 0], [clip[0] for clip in samples]


def in_form_of_mmdet(sample):
    """Replace the panoptic map of a sample by masks and labels."""
    seg = sample.gt_panoptic_seg
    pan, segments = seg.pan_seg[0], seg.segments_info
    sem = torch.full(pan.shape, 255, dtype=torch.uint8)
    rows = []
    for segment in segments:
        mask = pan == segment['id']
        sem[mask] = segment['category']
        if segment['is_thing'] and mask.any():
            y, x = mask.nonzero(as_tuple=True)
            box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            rows.append((mask, [int(v) for v in box], segment['category']))
    masks = [mask.numpy().astype('uint8') for mask, _, _ in rows]
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([box for _, box, _ in rows]).float().view(-1, 4),
        labels=torch.tensor([label for _, _, label in rows]).long(),
        masks=BitmapMasks(masks, *pan.shape))
    sample.gt_sem_seg = PixelData(sem_seg=sem[None])
    del sample.gt_panoptic_seg
    return sample
