import pytest
import torch
from mmengine.registry import init_default_scope

from mmvis_plugin.registry import MODELS


@pytest.fixture
def cfg(build):
    init_default_scope('mmdet')
    return build.cfg.roi_head.bbox_head


def test_equals_the_stage_of_sparse_rcnn(cfg):
    torch.manual_seed(0)
    ours = MODELS.build(cfg).eval()
    their_cfg = dict(cfg, type='DIIHead')
    their_cfg.pop('num_mask_params')
    theirs = MODELS.build(their_cfg).eval()
    ours.init_weights()
    theirs.load_state_dict(ours.state_dict(), strict=False)
    roi, query = torch.randn(2 * 5, 64, 7, 7), torch.randn(2, 5, 64)
    with torch.no_grad():
        expected = theirs(roi, query)[:3]
        found = ours(roi, query)[:3]
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_initialisation(cfg):
    head = MODELS.build(cfg)
    head.init_weights()
    prior = head.fc_cls.bias.sigmoid()
    torch.testing.assert_close(prior, torch.full_like(prior, 0.01))
    assert head.fc_mask.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not head.fc_mask.bias.any()
    rows, cols = head.fc_reg.weight.shape
    bound = (6 / (rows + cols))**0.5
    assert 0.8 * bound < head.fc_reg.weight.abs().max() <= bound


def test_every_stage_of_a_model_is_initialised(build):
    for head in build().roi_head.bbox_head:
        prior = head.fc_cls.bias.sigmoid()
        torch.testing.assert_close(prior, torch.full_like(prior, 0.01))


def test_mask_generator_is_a_linear_layer_on_the_object_feature(cfg):
    head = MODELS.build(cfg).eval()
    with torch.no_grad():
        _, _, obj_feat, params = head(
            torch.randn(3, 64, 7, 7), torch.randn(1, 3, 64))
        torch.testing.assert_close(params, head.fc_mask(obj_feat))
    assert params.shape == (1, 3, 169)


def test_without_mask_generator(cfg):
    head = MODELS.build(dict(cfg, num_mask_params=0))
    assert head.fc_mask is None
    assert head(torch.randn(3, 64, 7, 7), torch.randn(1, 3, 64))[3] is None
