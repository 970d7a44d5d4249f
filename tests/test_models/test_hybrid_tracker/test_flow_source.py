import torch

from mmvis_plugin.models.hybrid_tracker.flow_source import resize_flow
from mmvis_plugin.models.raft import RAFT
from mmvis_plugin.registry import MODELS


def test_zero_flow():
    source = MODELS.build(dict(type='ZeroFlow'))
    first, second = (source.encode(x, {}) for x in torch.rand(2, 1, 3, 6, 9))
    assert torch.equal(source.flow(first, second), torch.zeros(1, 2, 6, 9))
    # nothing is kept of a frame
    assert first.untyped_storage().nbytes() == 4


def test_flow_of_a_larger_frame():
    small = torch.zeros(1, 2, 4, 6)
    small[:, 0], small[:, 1] = 1., -2.
    large = resize_flow(small, (12, 12))
    assert large.shape == (1, 2, 12, 12)
    assert (large[:, 0] == 2).all() and (large[:, 1] == -6).all()
    assert resize_flow(small, (4, 6)) is small


def test_agrees_with_flow_scale_of_raft():
    torch.manual_seed(0)
    raft = RAFT(small=True, iters=2, flow_scale=0.5).eval()
    images = torch.randint(256, (2, 1, 3, 256, 272)).float()
    with torch.no_grad():
        wanted = raft(*images)
        raft.flow_scale = 1.
        found = raft(*torch.nn.functional.interpolate(
            images.flatten(0, 1), scale_factor=0.5, mode='bilinear')[:, None])
    torch.testing.assert_close(resize_flow(found, (256, 272)), wanted)
