import copy

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmvis_plugin.models.pcan import (PrototypeRefineHead, Prototypes,
                                      prototype_refine_head)
from mmvis_plugin.models.pcan.prototype_refine_head import masked_mean
from mmvis_plugin.ops import prototype_attention

OFFICIAL_KEYS = {
    'pos_mu': (1, 256, 10),
    'neg_mu': (1, 256, 10),
    'conv1.conv.weight': (256, 259, 3, 3),
    'conv1.conv.bias': (256, ),
    'conv2.conv.weight': (256, 256, 1, 1),
    'conv2.conv.bias': (256, ),
    **{
        f'convs.{i}.conv.{name}': shape
        for i in range(3)
        for name, shape in dict(weight=(256, 256, 3, 3), bias=(256, )).items()
    },
    'upsample.weight': (256, 256, 2, 2),
    'upsample.bias': (256, ),
    'conv_logits.weight': (1, 256, 1, 1),
    'conv_logits.bias': (1, ),
}


def close(actual, expected):
    assert_close(actual, expected, atol=1e-4, rtol=0)


@pytest.fixture
def head(case):
    """The head of a recorded run, in training mode."""
    weights = case.weights
    num_convs = sum(
        key.startswith('convs.') and key.endswith('weight') for key in weights)
    head = PrototypeRefineHead(
        in_channels=case('inst_ref_feat').size(1),
        conv_out_channels=weights['conv1.conv.weight'].size(0),
        num_convs=num_convs + 1,
        pos_proto_num=case('inst_pos_mu0').size(2),
        neg_proto_num=case('inst_neg_mu0').size(2),
        stage_num=int(case('inst_stage_num')),
        momentum=float(case('inst_momentum')),
        with_mask_ref=bool(case('inst_with_mask_ref')),
        with_mask_key=bool(case('inst_with_mask_key')))
    head.load_state_dict(
        dict(
            weights, pos_mu=case('inst_pos_mu0'), neg_mu=case('inst_neg_mu0')))
    return head


def inputs_of(case):
    return [
        case(f'inst_{key}') for key in ('ref_feat', 'ref_mask_logits',
                                        'key_feat', 'key_mask_logits')
    ]


def random_inputs(num=3, channels=8, size=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    feats = torch.randn((2, num, channels, size, size), generator=generator)
    logits = torch.randn((2, num, 1, 2 * size, 2 * size), generator=generator)
    return feats[0], logits[0], feats[1], logits[1]


def small_head(seed=0, **kwargs):
    torch.manual_seed(seed)
    head = PrototypeRefineHead(
        in_channels=8,
        conv_out_channels=8,
        pos_proto_num=4,
        neg_proto_num=3,
        **kwargs)
    head.init_weights()
    return head


def test_recorded_runs_are_reproduced(case, head):
    start = Prototypes(case('inst_pos_mu0'), case('inst_neg_mu0'))
    masks = [case(f'inst_{k}_mask_bin').bool() for k in ('ref', 'key')]
    pre = head._cluster(case('inst_ref_feat'), masks[0], start)
    close(pre.pos, case('inst_pos_mu_pre'))
    close(pre.neg, case('inst_neg_mu_pre'))
    logits, protos = head.refine(*inputs_of(case))
    close(protos.pos, case('inst_pos_mu'))
    close(protos.neg, case('inst_neg_mu'))
    close(head.pos_mu, case('inst_pos_mu_buf_new'))
    close(head.neg_mu, case('inst_neg_mu_buf_new'))
    close(
        masked_mean(case('inst_ref_feat'), masks[0]), case('inst_ref_context'))
    pos_map, neg_map = head.attention_maps(case('inst_key_feat'), protos)
    close(pos_map, case('inst_pos_map'))
    close(neg_map, case('inst_neg_map'))
    close(logits, case('inst_refined_logits'))
    close(head.loss(logits, case('inst_target')), case('inst_loss'))


def test_attention_of_single_prototypes_is_reproduced(case, head):
    feat = case('inst_key_feat')
    protos = torch.cat([case('inst_pos_mu'), case('inst_neg_mu')], dim=2)
    attention = prototype_attention(feat.flatten(2), protos)
    expected = torch.cat([case('inst_pos_attn'), case('inst_neg_attn')], dim=1)
    close(attention.transpose(1, 2).reshape(expected.shape), expected)


def test_names_shapes_and_number_of_parameters_are_official():
    head = PrototypeRefineHead()
    shapes = {k: tuple(v.shape) for k, v in head.state_dict().items()}
    assert shapes == OFFICIAL_KEYS
    assert sum(p.numel() for p in head.parameters()) == 2_695_681


def test_maps_add_up_to_one_and_prototypes_have_unit_length():
    head = small_head()
    inputs = random_inputs()
    _, protos = head.refine(*inputs)
    pos_map, neg_map = head.attention_maps(inputs[2], protos)
    assert_close(pos_map + neg_map, torch.ones_like(pos_map))
    for side in protos:
        assert_close(side.norm(dim=1), torch.ones_like(side[:, 0]))


def test_order_of_the_bases_does_not_matter():
    one, two = small_head(), small_head()
    order = torch.tensor([2, 0, 3, 1])
    two.pos_mu.copy_(one.pos_mu[..., order])
    inputs = random_inputs()
    logits, protos = one.eval().refine(*inputs)
    permuted_logits, permuted = two.eval().refine(*inputs)
    assert_close(permuted.pos, protos.pos[..., order], atol=1e-5, rtol=1e-5)
    assert_close(permuted_logits, logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('ref, key', [(-9., 1.), (9., 9.), (1., -9.),
                                      (-9., -9.)])
def test_empty_and_full_masks(ref, key):
    feats = random_inputs()
    full = torch.ones_like(feats[1])
    logits, protos = small_head().refine(feats[0], ref * full, feats[2],
                                         key * full)
    assert torch.isfinite(logits).all()
    if key < 0:
        assert (protos.pos == 0).all()
        assert_close(protos.neg.norm(dim=1), torch.ones(3, 3))
    elif ref < 0:
        # a zero start gives equal prototypes
        assert_close(protos.pos, protos.pos[..., :1].expand(-1, -1, 4))


def test_bases_change_in_training_only():
    head = small_head()
    before = copy.deepcopy(head.state_dict())
    head.eval()(*random_inputs())
    assert_close(head.state_dict(), before)
    head.train()(*random_inputs())
    assert not torch.equal(head.pos_mu, before['pos_mu'])


def test_bases_can_change_in_tests():
    head = small_head(update_bases_in_test=True).eval()
    before = head.pos_mu.clone()
    head(*random_inputs())
    assert not torch.equal(head.pos_mu, before)


def test_processes_share_objects_in_training_only(monkeypatch):
    """In tests they have different numbers of frames: none may wait."""
    shared = []
    monkeypatch.setattr(prototype_refine_head, 'get_world_size', lambda: 2)
    monkeypatch.setattr(prototype_refine_head, 'all_reduce', shared.append)
    head = small_head(update_bases_in_test=True).eval()
    head(*random_inputs())
    assert not shared
    head.train()(*random_inputs())
    assert [total[-1].item() for total in shared] == [3, 3]


def test_no_objects():
    head = small_head().train()
    before = head.pos_mu.clone()
    logits = head(*random_inputs(num=0))
    assert logits.shape == (0, 1, 12, 12)
    head.loss(logits, torch.zeros(0, 12, 12)).backward()
    assert all(p.grad is not None for p in head.parameters())
    assert_close(head.pos_mu, before)


def test_objects_without_prototypes_can_be_left_out_of_the_bases():
    inputs = list(random_inputs(num=2))
    inputs[3][1] = -9  # nothing of the second object is visible
    plain, skipping = small_head(), small_head(skip_empty_in_update=True)
    _, protos = plain.refine(*inputs)
    skipping.refine(*inputs)
    start = small_head().pos_mu[0]
    assert_close(plain.pos_mu[0], .95 * start + .05 * protos.pos.mean(dim=0))
    assert_close(skipping.pos_mu[0], .95 * start + .05 * protos.pos[0])


def test_known_prototypes_replace_those_of_the_reference_frame():
    head = small_head().eval()
    inputs = random_inputs()
    _, first = head.refine(*inputs)
    weight = F.interpolate(inputs[3], size=6, mode='bilinear').sigmoid() >= 0.5
    expected = head._cluster(inputs[2], weight, first)
    rows = torch.tensor([0, 2])
    known = Prototypes(first.pos[rows], first.neg[rows])
    _, again = head.refine(*inputs, past=(rows, known))
    for i, reference in enumerate([expected, first, expected]):
        assert_close(again.pos[i], reference.pos[i])
        assert_close(again.neg[i], reference.neg[i])


def test_no_gradient_through_prototypes():
    head = small_head()
    ref, ref_logits, key, key_logits = random_inputs()
    key.requires_grad_()
    _, protos = head.refine(ref, ref_logits, key, key_logits)
    assert not protos.pos.requires_grad and not protos.neg.requires_grad


def test_half_precision():
    head = small_head().eval()
    inputs = random_inputs()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits, protos = head.refine(*inputs)
    assert protos.pos.dtype == torch.float32
    assert_close(
        logits.float(), head(*inputs), atol=0.1, rtol=0.1, check_dtype=False)
