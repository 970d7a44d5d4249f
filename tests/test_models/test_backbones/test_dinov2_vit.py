import pytest
import torch
from mmengine.runner import load_checkpoint

from mmvis_plugin.models.backbones import DINOv2ViT
from mmvis_plugin.registry import MODELS
from .naive_vit_adapter import resize_bicubic

SMALL = dict(embed_dims=12, depth=4, num_heads=3, img_size=592)


@pytest.fixture
def vit():
    torch.manual_seed(0)
    return DINOv2ViT(**SMALL).eval()


# more, fewer and as many patches as in training, in one or both directions
@pytest.mark.parametrize('size', [(28, 50), (45, 80), (37, 50), (50, 37),
                                  (1, 2)])
@torch.no_grad()
def test_position_embedding_is_interpolated_with_the_scale_of_dinov2(
        vit, size):
    vit = vit.double()
    found = vit.position_embedding(*size)
    assert found.shape == (1, 1 + size[0] * size[1], 12)
    assert found[:, 0].equal(vit.pos_embed[:, 0])
    square = vit.pos_embed[0, 1:].t().unflatten(1, (37, 37))
    torch.testing.assert_close(found[0, 1:].t().unflatten(1, size),
                               resize_bicubic(square, *size))


def test_position_embedding_of_the_training_size_is_the_parameter(vit):
    assert vit.position_embedding(37, 37) is vit.pos_embed


@torch.no_grad()
def test_low_precision_interpolates_in_full(vit):
    wanted = vit.position_embedding(28, 50)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert vit.position_embedding(28, 50).equal(wanted)
    half = DINOv2ViT(**SMALL).bfloat16()
    half.load_state_dict(vit.state_dict())
    found = half.position_embedding(28, 50)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, rtol=1e-2, atol=1e-3)


@torch.no_grad()
def test_patches_of_fourteen_pixels_are_resized_when_loaded(vit, tmp_path):
    weights = vit.state_dict()
    small = torch.randn(12, 3, 14, 14)
    weights['patch_embed.proj.weight'] = small
    torch.save(weights, tmp_path / 'dinov2.pth')
    loaded = DINOv2ViT(**SMALL)
    load_checkpoint(loaded, str(tmp_path / 'dinov2.pth'), strict=True)
    kernel = loaded.patch_embed.proj.weight
    assert kernel.shape == (12, 3, 16, 16)
    # corners stay, and a ramp stays a ramp
    for i in (0, -1):
        for j in (0, -1):
            torch.testing.assert_close(kernel[..., i, j], small[..., i, j])
    assert loaded.pos_embed.equal(vit.pos_embed)
    # the weights that were handed over are not changed
    loaded.load_state_dict(weights)
    assert weights['patch_embed.proj.weight'] is small


def test_weights_are_taken_from_a_file_by_the_config(vit, tmp_path):
    torch.save(vit.state_dict(), tmp_path / 'dinov2.pth')
    model = MODELS.build(
        dict(
            type='ViTAdapter',
            stem_channels=4,
            num_heads=3,
            vit=dict(
                SMALL,
                init_cfg=dict(
                    type='Pretrained',
                    checkpoint=str(tmp_path / 'dinov2.pth')))))
    model.init_weights()
    for key, value in vit.state_dict().items():
        assert model.vit_module.state_dict()[key].equal(value), key


@torch.no_grad()
def test_maps_are_those_after_each_group(vit):
    image = torch.randn(1, 3, 32, 48)
    maps = vit(image)
    assert [tuple(x.shape) for x in maps] == [(1, 12, 2, 3)] * 4
    # without what follows a group its map is the same
    for block in vit.blocks[2:]:
        block.ls1.gamma.fill_(3.), block.ls2.gamma.fill_(3.)
    changed = vit(image)
    same = [x.equal(y) for x, y in zip(maps, changed)]
    assert same == [True, True, False, False]


@pytest.mark.parametrize(
    'wrong, message', [(dict(depth=6), 'depth=6 .*DINOv2ViT.*num_groups=4'),
                       (dict(img_size=600), 'img_size=600 .*patch_size=16')])
def test_sizes_that_do_not_fit_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        DINOv2ViT(**{**SMALL, **wrong})


def test_an_image_that_does_not_fit_is_named(vit):
    with pytest.raises(ValueError, match='40 x 48 .*DINOv2ViT.*patch_size=16'):
        vit(torch.zeros(1, 3, 40, 48))
