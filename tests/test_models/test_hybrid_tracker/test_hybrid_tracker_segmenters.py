"""Real segmenters in the place of PanopticFCN."""
import copy
from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmvis_plugin import testing
from mmvis_plugin.models.hybrid_tracker import HybridTracker

ROOT = Path(mmdet.__file__).parent / '.mim/configs'
FILES = dict(
    PanopticFPN='panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco.py',
    Mask2Former='mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py',
    MaskFormer='maskformer/maskformer_r50_ms-16xb1-75e_coco.py')
TINY = (
    Path(__file__).parents[3] /
    'configs/hybrid_tracker/panoptic-fcn_r18_fpn_movingshapes-vps-tiny.py')
# random weights that find something; 4 classes of things, 6 of stuff
SMALL = dict(
    PanopticFPN={
        'rpn_head.feat_channels': 16,
        'roi_head.bbox_head.fc_out_channels': 16,
        'roi_head.mask_head.conv_out_channels': 16,
        'semantic_head.norm_cfg.num_groups': 4,
        'test_cfg.rcnn.score_thr': 0.,
        'test_cfg.rcnn.max_per_img': 9,
        'test_cfg.panoptic.stuff_area_limit': 1,
    },
    Mask2Former={
        'panoptic_head.num_queries': 12,
        'panoptic_head.loss_cls.class_weight': [1.] * 10 + [.1],
        'panoptic_head.pixel_decoder.encoder.num_layers': 1,
        'panoptic_head.transformer_decoder.num_layers': 1,
        'test_cfg.object_mask_thr': 0.,
        'test_cfg.iou_thr': 0.,
    },
    PanopticFCN={})
SMALL['MaskFormer'] = {
    **SMALL['Mask2Former'], 'panoptic_head.pixel_decoder.encoder.layer_cfg.'
    'self_attn_cfg.embed_dims':
    32
}
WIDTHS = {128: 16, 256: 32, 512: 64, 1024: 64, 2048: 256}
CLASSES = {80: 4, 53: 6, 133: 10}


def shrink(value, key=''):
    """Return a config of mmdet with narrow layers and few classes."""
    if isinstance(value, dict):
        return {k: shrink(v, k) for k, v in value.items()}
    if key in ('num_classes', 'num_things_classes', 'num_stuff_classes'):
        return CLASSES.get(value, value)
    if key == 'in_channels' and isinstance(value, list):
        return [32, 64, 128, 256]
    return WIDTHS.get(value, value) if isinstance(value, int) else value


def segmenter(name):
    """Return the config of a small segmenter."""
    if name == 'PanopticFCN':
        return Config.fromfile(TINY).model
    path = ROOT / FILES[name]
    if not path.is_file():
        pytest.skip(f'mmdet is installed without {path.name}')
    cfg = Config(dict(shrink(Config.fromfile(path).model.to_dict())))
    cfg.merge_from_dict({
        'backbone.base_channels': 8,
        'backbone.init_cfg': None,
        **SMALL[name]
    })
    return cfg._cfg_dict


def build(name, **kwargs):
    torch.manual_seed(0)
    model = HybridTracker(
        segmentor=segmenter(name),
        instance_head=dict(
            type='InstanceTrackHead',
            in_features=98,
            fc_channels=(16, ),
            roi_size=(7, 14)),
        flow=dict(type='ZeroFlow'),
        **kwargs)
    if name == 'PanopticFCN':
        head = model.segmentor.panoptic_head
        head.test_options = type(head.test_options)(
            center_thr=.1,
            stuff_thr=0.,
            sim_thr=.999,
            rescored_thr=0.,
            score_thr=0.,
            stuff_area=1)
        for conv in head.modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight)
    return model.eval()


@pytest.mark.parametrize('name', SMALL)
def test_maps_of_a_segmenter_get_identities(name):
    model = build(name)
    assert model.counts == (4, 10)
    inputs, samples = testing.fake_clips([[[]] * 3])
    with torch.no_grad():
        alone = [
            model.segmentor.predict(inputs[:, t], [copy.deepcopy(frame)])[0]
            for t, frame in enumerate(samples[0])
        ]
        result, = model.predict(inputs, samples)
    found = 0
    for frame, single in zip(result, alone):
        pan = frame.pred_panoptic_seg.sem_seg
        raw = single.pred_panoptic_seg.sem_seg.reshape(pan.shape).long()
        assert pan.shape == (1, *frame.ori_shape)
        # small things become void
        kept = pan != 10
        assert kept.any()
        assert torch.equal((pan % 1000)[kept], (raw % 1000)[kept])
        assert (pan[pan >= 1000] % 1000 < 4).all()
        found += len(pan[pan >= 1000].unique())
    assert found > 0


@pytest.mark.parametrize('name', ['PanopticFPN', 'PanopticFCN'])
def test_windows_agree(name):
    testing.check_windows_agree(build(name), num_frames=3, windows=(1, 2))


def test_features_of_panoptic_fcn_in_rois():
    head = dict(
        type='InstanceTrackHead',
        in_features=32 * 98,
        fc_channels=(16, ),
        roi_source='masked_feat',
        roi_size=(7, 14))
    model = HybridTracker(
        segmentor=segmenter('PanopticFCN'),
        instance_head=head,
        feat_module='panoptic_head.feature_encoder')
    inputs, samples = testing.fake_clips([[[1, 2], [2, 1]]], num_classes=4)
    testing.add_panoptic_maps(samples, 4)
    losses = model.train().loss(inputs, samples)
    losses['loss_match'].backward()
    assert model.instance_head.fcs[0].weight.grad.abs().sum() > 0


def test_instances_alone_are_no_panoptic_map():
    model = build('Mask2Former')
    model.segmentor.panoptic_fusion_head.test_cfg.update(
        panoptic_on=False, instance_on=True)
    inputs, samples = testing.fake_clips([[[]]])
    with pytest.raises(ValueError, match='panoptic_on=True') as info:
        model.predict(inputs, samples)
    assert str(info.value).startswith('video video_1, frame 0: ')
    assert '\n' not in str(info.value)
