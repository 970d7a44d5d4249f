import pytest
import torch

from mmvis_plugin.models.cavis import ContextEmbed, surrounding_features
from .recorded_decoder import build_head


@pytest.mark.parametrize('case', [1, 2])
@torch.no_grad()
def test_reference_decoder(reference, case):
    ref = reference(f'decoder_{case}')
    head = build_head(ref)
    raw = []
    head.transformer_decoder.layers[-1].register_forward_hook(
        lambda module, args, output: raw.append(output))
    logits, masks = head([ref['mask_features']] +
                         [ref[f'feat_res{n}'] for n in (5, 4, 3)], None)
    norm = head.transformer_decoder.post_norm(raw[0])
    exact = dict(rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits[-1], ref['pred_logits'], **exact)
    torch.testing.assert_close(logits[0], ref['aux0_logits'], **exact)
    torch.testing.assert_close(masks[-1], ref['pred_masks'], **exact)
    torch.testing.assert_close(masks[0], ref['aux0_masks'], **exact)
    torch.testing.assert_close(raw[0], ref['query_no_norm'], **exact)
    torch.testing.assert_close(norm, ref['query_norm'], **exact)

    embed = ContextEmbed(ref.number('hidden'))
    embed.load_state_dict({
        key[len('reid_embed.'):]: value
        for key, value in ref.weights.items() if key.startswith('reid_embed.')
    })
    for mode, name in (('avg', 'reid_paper'), ('channel_sum',
                                               'reid_official')):
        around = surrounding_features(ref['mask_features'], masks[-1],
                                      ref.number('kernel_size'), mode)
        torch.testing.assert_close(embed(norm, around), ref[name], **exact)


def test_shapes_of_the_weights():
    shapes = {
        k: tuple(v.shape)
        for k, v in ContextEmbed().state_dict().items()
    }
    assert shapes == {
        'layers.0.weight': (256, 512),
        'layers.0.bias': (256, ),
        'layers.1.weight': (256, 256),
        'layers.1.bias': (256, ),
        'layers.2.weight': (256, 256),
        'layers.2.bias': (256, ),
    }


def test_queries_come_first_and_no_activation_last():
    embed, zero = ContextEmbed(4), torch.zeros(1, 4)
    one = torch.ones(1, 4)
    with torch.no_grad():
        embed.layers[0].weight[:, :4] = 0
        assert torch.equal(embed(one, zero), embed(zero, zero))
        assert not torch.equal(embed(zero, one), embed(zero, zero))
        embed.layers[2].bias.fill_(-9.)
        assert (embed(zero, zero) == -9).all()


def test_start_of_the_training():
    torch.manual_seed(0)
    embed = ContextEmbed(64)
    for layer in embed.layers:
        assert (layer.bias == 0).all()
        limit = (3 / layer.in_features)**0.5
        assert 0.99 * limit < layer.weight.abs().max() <= limit
