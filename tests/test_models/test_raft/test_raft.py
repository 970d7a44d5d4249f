import copy

import numpy as np
import pytest
import torch

from mmvis_plugin.models.raft import RAFT
from mmvis_plugin.registry import MODELS

PARAMETERS = {'large': 5_257_536, 'small': 990_162}
NUM_KEYS = {'large': 179, 'small': 106}
SHAPES = {
    'large': {
        'fnet.conv1.weight': (64, 3, 7, 7),
        'fnet.conv2.weight': (256, 128, 1, 1),
        'cnet.norm1.running_var': (64, ),
        'cnet.layer2.0.norm3.weight': (96, ),
        'cnet.layer2.0.downsample.1.weight': (96, ),
        'cnet.layer3.1.conv2.bias': (128, ),
        'fnet.layer3.0.downsample.0.weight': (128, 96, 1, 1),
        'update_block.encoder.convc1.weight': (256, 324, 1, 1),
        'update_block.encoder.convc2.weight': (192, 256, 3, 3),
        'update_block.encoder.convf1.weight': (128, 2, 7, 7),
        'update_block.encoder.convf2.weight': (64, 128, 3, 3),
        'update_block.encoder.conv.weight': (126, 256, 3, 3),
        'update_block.gru.convz1.weight': (128, 384, 1, 5),
        'update_block.gru.convr2.bias': (128, ),
        'update_block.gru.convz2.weight': (128, 384, 5, 1),
        'update_block.gru.convq2.weight': (128, 384, 5, 1),
        'update_block.flow_head.conv2.weight': (2, 256, 3, 3),
        'update_block.mask.0.weight': (256, 128, 3, 3),
        'update_block.mask.2.weight': (576, 256, 1, 1),
    },
    'small': {
        'fnet.conv1.weight': (32, 3, 7, 7),
        'fnet.layer2.0.conv1.weight': (16, 32, 1, 1),
        'fnet.layer2.0.downsample.0.weight': (64, 32, 1, 1),
        'fnet.layer3.1.conv3.weight': (96, 24, 1, 1),
        'cnet.conv2.weight': (160, 96, 1, 1),
        'update_block.encoder.convc1.weight': (96, 196, 1, 1),
        'update_block.encoder.conv.weight': (80, 128, 3, 3),
        'update_block.gru.convz.weight': (96, 242, 3, 3),
        'update_block.flow_head.conv2.weight': (2, 128, 3, 3),
    }
}


def build(size, **options):
    return MODELS.build(dict(type='RAFT', small=size == 'small', **options))


@pytest.mark.parametrize('size', ['large', 'small'])
def test_parameters_have_the_published_names(size):
    raft = build(size)
    assert sum(p.numel() for p in raft.parameters()) == PARAMETERS[size]
    state = raft.state_dict()
    assert len(state) == NUM_KEYS[size]
    for name, shape in SHAPES[size].items():
        assert tuple(state[name].shape) == shape, name
    alias = [name for name in state if '.norm3.' in name]
    assert len(alias) == (10 if size == 'large' else 0)
    # the norm of a shortcut is one, whatever its name
    for name in alias:
        state[name].fill_(3)
        assert (state[name.replace('norm3', 'downsample.1')] == 3).all()


@pytest.mark.parametrize('size', ['large', 'small'])
@pytest.mark.parametrize('corr_impl', ['volume', 'chunked'])
@torch.no_grad()
def test_reference_values(size, corr_impl, fill, reference):
    ref = reference(size)
    raft = fill(build(size, corr_impl=corr_impl))
    img1, img2, iters = ref['img1'][None], ref['img2'][None], int(ref['iters'])
    first, second = raft.encode(img1), raft.encode(img2)
    assert first.pad == tuple(ref['pad'].tolist())
    *_, (low, _) = raft.refine(first, second, iters)
    tolerance = dict(rtol=0, atol=1e-3)
    torch.testing.assert_close(low[0], ref['flow_low'], **tolerance)
    flow = raft(img1, img2, iters)
    assert flow.shape == (1, 2, *ref['img1'].shape[1:])
    torch.testing.assert_close(flow[0, :, ::4, ::4], ref['flow_up_sub'],
                               **tolerance)
    torch.testing.assert_close(flow[0].mean((1, 2)), ref['flow_up_mean'],
                               **tolerance)
    torch.testing.assert_close(flow.abs().max(), ref['flow_up_absmax'],
                               **tolerance)


@pytest.fixture(scope='module')
def raft(fill):
    return fill(RAFT(small=True))


@pytest.fixture(scope='module')
def frames():
    rng = torch.Generator().manual_seed(0)
    frames = torch.randint(256, (3, 1, 3, 70, 141), generator=rng)
    return frames.to(torch.uint8)


@torch.no_grad()
def test_features_of_a_frame_serve_in_every_pair(raft, frames):
    features = [raft.encode(frame) for frame in frames]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        expected = raft(frames[i], frames[j], 2)
        assert torch.equal(raft.flow(features[i], features[j], 2), expected)
    # a batch is its pairs
    both = raft(frames[:2, 0], frames[1:, 0], 2)
    for k in range(2):
        torch.testing.assert_close(
            both[k:k + 1],
            raft(frames[k], frames[k + 1], 2),
            rtol=0,
            atol=1e-3)


@torch.no_grad()
def test_all_refinements(raft, frames):
    flows = raft(*frames[:2], 3, return_all=True)
    assert len(flows) == 3
    for iters, flow in enumerate(flows, 1):
        assert torch.equal(flow, raft(*frames[:2], iters))


@torch.no_grad()
def test_flow_scale_keeps_size_and_pixels(fill, frames):
    scaled = fill(RAFT(small=True, flow_scale=0.5))
    # doubled frames at half scale are the frames
    double = [
        frame.repeat_interleave(2, -1).repeat_interleave(2, -2)
        for frame in frames
    ]
    flow = scaled(*double[:2], 2)
    assert flow.shape == (1, 2, 140, 282)
    expected = fill(RAFT(small=True))(*frames[:2], 2)
    expected = 2 * torch.nn.functional.interpolate(
        expected, scale_factor=2, mode='bilinear', align_corners=False)
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize('corr_impl', ['volume', 'chunked'])
def test_lower_precision_gives_nearly_the_same(fill, frames, corr_impl):
    network = fill(RAFT(small=True, corr_impl=corr_impl))
    expected = network(*frames[:2], 3)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = network(*frames[:2], 3)
    half = copy.deepcopy(network).to(torch.bfloat16)(*frames[:2], 3)
    scale = expected.abs().mean()
    for flow in (mixed, half):
        assert flow.dtype == torch.float32
        assert (flow - expected).abs().mean() < 0.05 * scale
    # the features are kept in the precision of the weights
    assert network.encode(frames[0]).fmap.dtype == torch.float32


def test_training_with_mixed_precision(frames):
    torch.manual_seed(0)
    network = RAFT(small=True)
    with torch.autocast('cpu', torch.bfloat16):
        flow = network(*frames[:2, ..., :64, :64], 2)
    flow.abs().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


@torch.no_grad()
def test_a_frame_with_nan_gives_nan(raft, frames):
    broken = frames[0].float()
    broken[0, 1, 30, 40] = torch.nan
    for pair in ((broken, frames[1]), (frames[1], broken)):
        flow = raft(*pair, 2)
        assert flow.shape == (1, 2, 70, 141)
        assert flow.isnan().any()


@torch.no_grad()
def test_small_frames_are_padded(raft):
    flow = raft(*torch.zeros(2, 1, 3, 16, 9), 1)
    assert flow.shape == (1, 2, 16, 9) and flow.isfinite().all()


def test_batch_norm_stays_in_evaluation_if_asked():
    for norm_eval in (True, False):
        network = RAFT(norm_eval=norm_eval).train()
        assert network.cnet.norm1.training != norm_eval
        assert network.fnet.norm1.training


def test_every_parameter_learns_but_those_before_a_norm():
    torch.manual_seed(0)
    network = RAFT().train()
    flows = network(*torch.rand(2, 1, 3, 128, 128) * 255, 2, return_all=True)
    sum(flow.abs().mean() for flow in flows).backward()
    for name, parameter in network.named_parameters():
        # a norm removes the bias before it
        if not (name.startswith('fnet') and name.endswith('bias')):
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize('options, message', [
    (dict(corr_impl='sparse'), "corr_impl='sparse', expected one of"),
    (dict(flow_scale=0), 'flow_scale must be > 0, got 0'),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        RAFT(**options)


def test_wrong_pairs(raft, frames):
    with pytest.raises(ValueError, match=r'70, 141\) and .*70, 100\)'):
        raft(frames[0], frames[1, ..., :100])
    first, second = raft.encode(frames[0]), raft.encode(frames[1, ..., :100])
    with pytest.raises(ValueError, match=r'\(70, 141\) and \(70, 100\)'):
        raft.flow(first, second)
    bare = raft.encode(frames[0], with_context=False)
    with pytest.raises(ValueError, match='encode it with context'):
        raft.flow(bare, first)
    with pytest.raises(ValueError, match='iters must be >= 1, got 0'):
        raft.flow(first, first, 0)


def test_names_of_the_reference_weights():
    # what the reference fills: no counters, no second names
    names = [
        name for name in RAFT().state_dict()
        if 'num_batches_tracked' not in name and '.norm3.' not in name
    ]
    assert len(names) == 154
    assert np.unique(names).size == 154
