import pytest
import torch
from mmengine.runner import load_state_dict

from mmvis_plugin.models.association import fuse_similarities
from mmvis_plugin.registry import MODELS


@pytest.mark.parametrize('class_aware', [True, False])
@pytest.mark.parametrize('m, n', [(3, 4), (1, 1), (0, 2), (2, 0)])
def test_equals_the_function(class_aware, m, n):
    fusion = MODELS.build(
        dict(type='SimilarityFusion', bias=True, class_aware=class_aware))
    fusion.init_weights()
    assert fusion.conv.weight.shape == (1, 2, 1, 1)
    inst, pix = torch.rand(2, m, n)
    classes = torch.arange(m) % 2, torch.arange(n) % 2
    expected = fuse_similarities(inst, pix, (1 / 3, 2 / 3), 0.,
                                 *(classes if class_aware else ()))
    # the similarity of pixels is in float64
    torch.testing.assert_close(fusion(inst, pix.double(), *classes), expected)


def test_weights_learn():
    fusion = MODELS.build(dict(type='SimilarityFusion', weights=(1, 0)))
    fused = fusion(*torch.rand(2, 3, 3), torch.zeros(3), torch.zeros(3))
    fused.sum().backward()
    assert (fusion.conv.weight.grad > 0).all()


def test_two_weights():
    with pytest.raises(ValueError, match='expected two'):
        MODELS.build(dict(type='SimilarityFusion', weights=(1, )))


def test_fixed_weights_are_those_of_the_config():
    learned = MODELS.build(dict(type='SimilarityFusion', weights=(.4, .6)))
    parent = torch.nn.ModuleDict(dict(fusion=learned))
    for load in (lambda m, w: m.load_state_dict(w), load_state_dict):
        for fixed, wanted in ((True, [0, 1]), (False, [.4, .6])):
            fusion = MODELS.build(
                dict(type='SimilarityFusion', weights=(0, 1), fixed=fixed))
            model = torch.nn.ModuleDict(dict(fusion=fusion))
            load(model, parent.state_dict())
            found = fusion.conv.weight.flatten()
            torch.testing.assert_close(found, torch.tensor(wanted).float())
            assert fusion.conv.weight.requires_grad != fixed
    # the weights that were read are as they were
    torch.testing.assert_close(learned.conv.weight.flatten(),
                               torch.tensor([.4, .6]))
