import torch

from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.empty_model import build_empty

SWIN = dict(
    type='SwinTransformer',
    embed_dims=8,
    depths=(1, 2, 1, 1),
    num_heads=(1, 2, 2, 2),
    drop_path_rate=0.3)


def test_names_and_shapes_are_those_of_the_model():
    empty, model = build_empty(SWIN), MODELS.build(SWIN)
    assert all(p.is_meta for p in empty.parameters())
    assert {
        k: v.shape
        for k, v in empty.state_dict().items()
    } == {
        k: v.shape
        for k, v in model.state_dict().items()
    }
    # numbers that are no weights are real
    drop = empty.stages[3].blocks[0].ffn.dropout_layer.drop_prob
    assert abs(drop - 0.3) < 1e-6


def test_weights_can_be_given_to_it():
    empty, model = build_empty(SWIN), MODELS.build(SWIN)
    empty.load_state_dict(model.state_dict(), assign=True)
    for net in (empty, model):
        net.eval()
    x = torch.randn(1, 3, 32, 32)
    for a, b in zip(empty(x), model(x)):
        assert torch.equal(a, b)
