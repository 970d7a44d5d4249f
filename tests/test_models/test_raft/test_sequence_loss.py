import pytest
import torch

from mmvis_plugin.models.raft import end_point_error, sequence_loss


def test_later_refinements_count_more():
    target = torch.ones(1, 2, 2, 3)
    flows = [target + 1, target - 2, target + 4]
    loss = sequence_loss(flows, target, gamma=0.5)
    torch.testing.assert_close(loss, torch.tensor(.25 * 1 + .5 * 2 + 4))


def test_unknown_flow_counts_as_zero():
    target = torch.zeros(1, 2, 1, 4)
    target[0, :, 0, 1] = torch.nan
    target[0, 0, 0, 2] = 500.
    flow = torch.ones_like(target).requires_grad_()
    valid = torch.tensor([[[True, True, True, False]]])
    loss = sequence_loss([flow], target, valid)
    loss.backward()
    assert loss == 0.25
    assert (flow.grad[0, :, 0] != 0).tolist() == [[True] + [False] * 3] * 2


def test_end_point_error():
    target = torch.zeros(1, 2, 1, 3)
    target[..., 2] = torch.nan
    flow = torch.tensor([[3., 0., 9.], [4., 1., 9.]]).view(1, 2, 1, 3)
    assert end_point_error(flow, target) == 3
    valid = torch.tensor([[[0, 1, 1]]])
    assert end_point_error(flow, target, valid) == 1
    assert end_point_error(flow, target, 0 * valid).isnan()


def test_nothing_known_keeps_the_graph():
    flow = torch.ones(1, 2, 2, 2).requires_grad_()
    loss = sequence_loss([flow], torch.full_like(flow, torch.nan))
    loss.backward()
    assert loss == 0 and (flow.grad == 0).all()


@pytest.mark.parametrize('gamma', [0.8, 1.])
def test_gradient(gamma):
    torch.manual_seed(0)
    flows = torch.randn(2, 1, 2, 3, 3, dtype=torch.float64).requires_grad_()
    target = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: sequence_loss(list(x), target, gamma=gamma), flows)
