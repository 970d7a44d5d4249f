import pytest
import torch

from mmvis_plugin.models.backbones import ViTAdapter

VIT = dict(embed_dims=16, depth=8, num_heads=4, img_size=80)


@pytest.fixture
def build():
    """Return a function that builds a small adapter, far from its start."""

    def build_adapter(vit=None, **kwargs):
        torch.manual_seed(0)
        model = ViTAdapter(
            vit=dict(VIT, layer_scale=0.5, **(vit or {})),
            **dict(
                dict(stem_channels=4, num_heads=2, ffn_ratio=0.5), **kwargs))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))
        return model

    return build_adapter
