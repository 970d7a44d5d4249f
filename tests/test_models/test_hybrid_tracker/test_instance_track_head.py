import torch

from mmvis_plugin.models.hybrid_tracker import InstanceTrackHead
from mmvis_plugin.registry import MODELS


def test_parameters():
    head = MODELS.build(dict(type='InstanceTrackHead'))
    shapes = {name: tuple(p.shape) for name, p in head.named_parameters()}
    assert shapes == {
        'fcs.0.weight': (1024, 1568),
        'fcs.0.bias': (1024, ),
        'fcs.1.weight': (1024, 1024),
        'fcs.1.bias': (1024, ),
    }
    assert sum(p.numel() for p in head.parameters()) == 2_656_256
    head.init_weights()
    for fc in head.fcs:
        assert (fc.bias == 0).all()
        assert abs(fc.weight.std() - 0.01) < 1e-4


def test_two_layers_with_a_relu_between():
    head = InstanceTrackHead(6, (5, 4))
    rois = torch.randn(3, 1, 2, 3)
    first, second = head.fcs
    hidden = (rois.flatten(1) @ first.weight.t() + first.bias).clamp(min=0)
    expected = hidden @ second.weight.t() + second.bias
    torch.testing.assert_close(head(rois), expected)
    assert (expected < 0).any()
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(head(rois), expected)


def test_no_instances():
    assert InstanceTrackHead()(torch.zeros(0, 1, 28, 56)).shape == (0, 1024)
