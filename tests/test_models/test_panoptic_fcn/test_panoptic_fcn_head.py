import numpy as np
import pytest
import torch
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.models.hybrid_tracker import InstanceTrackHead
from mmvis_plugin.models.panoptic_fcn import PanopticFCNHead, image_targets
from mmvis_plugin.models.panoptic_fcn.conv_tower import append_coordinates
from mmvis_plugin.models.raft import RAFT
from mmvis_plugin.registry import MODELS


def count(module):
    return sum(p.numel() for p in module.parameters())


SHAPES = {
    'position_head.tower.convs.0.conv.weight': (256, 256, 3, 3),
    'position_head.tower.convs.2.conv.conv_offset.weight': (27, 256, 3, 3),
    'position_head.out_sem.weight': (54, 256, 3, 3),
    'kernel_head.tower.convs.0.conv.weight': (256, 258, 3, 3),
    'kernel_head.tower.convs.0.gn.weight': (256, ),
    'semantic_fpn.levels.3.conv.2.gn.bias': (256, ),
    'feature_encoder.convs.0.conv.bias': (64, ),
}
NUM_PARAMETERS = {
    'semantic_fpn': 4_132_352,
    'position_head': 2_266_583,
    'kernel_head': 2_365_696,
    'feature_encoder': 222_528,
    'thing_embed': 16_448,
    'stuff_embed': 16_448,
}


def test_parameters_of_the_model_for_coco():
    head = MODELS.build(
        dict(
            type='PanopticFCNHead',
            num_things=80,
            num_stuff=53,
            semantic_mode='merged_things'))
    counts = {name: count(part) for name, part in head.named_children()}
    assert counts == NUM_PARAMETERS
    shapes = {name: tuple(p.shape) for name, p in head.named_parameters()}
    assert {name: shapes[name] for name in SHAPES} == SHAPES
    # no bias before a norm
    assert 'kernel_head.tower.convs.0.conv.bias' not in shapes


def test_size_of_the_published_tracker():
    backbone = MMDET_MODELS.build(
        dict(type='mmdet.ResNet', depth=50, style='caffe'))
    neck = MMDET_MODELS.build(
        dict(
            type='mmdet.FPN',
            in_channels=[256, 512, 1024, 2048],
            out_channels=256,
            num_outs=6,
            add_extra_convs='on_output',
            relu_before_extra_convs=True))
    assert count(neck) == 4_524_544
    head = PanopticFCNHead(num_things=8, num_stuff=11)
    running = sum(value.numel() for name, value in backbone.named_buffers()
                  if 'running' in name)
    segmentor = count(backbone) + running + count(neck) + count(head)
    assert segmentor == 36_859_116
    total = segmentor + count(RAFT()) + count(InstanceTrackHead())
    assert total == 44_772_908


def test_coordinates_are_rows_then_columns():
    x = append_coordinates(torch.zeros(2, 1, 3, 5))
    assert x.shape == (2, 3, 3, 5)
    assert x[1, 1, :, 2].tolist() == [-1, 0, 1]
    assert x[1, 2, 2].tolist() == [-1, -.5, 0, .5, 1]


@pytest.fixture(scope='module')
def head():
    torch.manual_seed(0)
    head = PanopticFCNHead(
        num_things=2,
        num_stuff=2,
        position_deform=False,
        test_cfg=dict(stuff_area=16, stuff_thr=0.))
    head.init_weights()
    return head


def pyramid(batch=2, height=64, width=96):
    torch.manual_seed(1)
    return [
        torch.randn(batch, 256, -(-height // s), -(-width // s))
        for s in (4, 8, 16, 32, 64, 128)
    ]


def sample(num, pad=(64, 96), shape=(60, 90)):
    rng = np.random.default_rng(num)
    masks = np.zeros((num, *pad), np.uint8)
    sem = np.full(pad, 255, np.uint8)
    sem[:shape[0], :shape[1]] = rng.integers(0, 4, shape)
    boxes = np.zeros((num, 4), np.float32)
    for mask, box in zip(masks, boxes):
        x, y = rng.integers(0, 40), rng.integers(0, 20)
        w, h = rng.integers(12, 40, 2)
        mask[y:y + h, x:x + w] = 1
        box[:] = x, y, x + w, y + h
    out = DetDataSample(
        metainfo=dict(
            img_shape=shape, ori_shape=(120, 180), batch_input_shape=pad))
    out.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(rng.integers(0, 2, num)),
        masks=BitmapMasks(masks, *pad))
    out.gt_sem_seg = PixelData(sem_seg=torch.from_numpy(sem)[None])
    return out


def test_every_parameter_learns(head):
    head.zero_grad()
    losses = head.loss(pyramid(), [sample(3), sample(0)])
    assert list(losses) == [
        'loss_pos_th', 'loss_pos_st', 'loss_seg_th', 'loss_seg_st'
    ]
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_weights_and_batch(head):
    feats = pyramid()
    with torch.no_grad():
        losses = head.loss(feats, [sample(3), sample(2)])
        outputs = head(feats)
        images = [
            image_targets(sample(k), head.semantic, 'cpu') for k in (3, 2)
        ]
        # padding of the collation is cut off
        assert images[0].masks.shape == (3, 60, 90)
        assert images[0].sem.shape == (60, 90)
        targets = head.targets(outputs, images)
        head.mask_weight, head.position_weight = 6., 0.5
        other = head.loss_by_outputs(outputs, targets)
        head.mask_weight, head.position_weight = 3., 1.
    for name, loss in losses.items():
        factor = 0.5 if 'pos' in name else 2.
        torch.testing.assert_close(other[name], factor * loss)


@pytest.mark.parametrize('rescale, size', [(True, (120, 180)),
                                           (False, (60, 90))])
def test_prediction_has_the_size_of_the_image(head, rescale, size):
    segments = head.predict(pyramid(), [sample(3), sample(0)], rescale)
    assert len(segments) == 2
    for result in segments:
        assert result.seg_map.shape == size
        assert int(result.seg_map.max()) <= len(result.labels)
        # classes of things are in the semantic map and never written
        assert (result.labels[~result.is_thing] >= 2).all()


def test_positions_are_rare_at_first(head):
    outputs = head([0 * feat for feat in pyramid()])
    for logits in (*outputs.centers, *outputs.regions):
        torch.testing.assert_close(
            logits.sigmoid(), torch.full_like(logits, 0.1), atol=2e-2, rtol=0)


def test_deformable_position_head_runs():
    head = PanopticFCNHead(num_things=2, num_stuff=2)
    outputs = head(pyramid(1))
    assert [x.shape[-2:] for x in outputs.centers
            ] == [x.shape[-2:] for x in pyramid(1)[1:]]


def test_wrong_options():
    with pytest.raises(ValueError, match="center='mean', expected one of"):
        PanopticFCNHead(2, 2, center='mean')
    with pytest.raises(TypeError, match='mask_threshold'):
        PanopticFCNHead(2, 2, test_cfg=dict(mask_threshold=0.5))
