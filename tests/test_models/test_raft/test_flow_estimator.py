import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData

from mmvis_plugin.models.raft import (RAFT, FlowEstimator, end_point_error,
                                      sequence_loss)
from mmvis_plugin.registry import MODELS

SIZE = 40, 56


def pair(seed, size=SIZE):
    """Texture that moves by (2, -1), and what is known of its flow."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 12, 16, generator=rng)
    canvas = torch.nn.functional.interpolate(
        coarse, size=(size[0] + 1, size[1] + 2), mode='bicubic')[0]
    canvas = (255 * canvas).clamp(0, 255)
    inputs = torch.stack([canvas[:, :-1, 2:], canvas[:, 1:, :-2]])
    flow = torch.tensor([2., -1.]).view(2, 1, 1).repeat(1, *size)
    valid = torch.ones(1, *size, dtype=torch.bool)
    valid[..., :1, :] = valid[..., -2:] = False
    sample = DetDataSample()
    sample.gt_flow = PixelData(flow=flow, valid=valid)
    return dict(inputs=inputs.to(torch.uint8), data_samples=sample)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='FlowEstimator',
            flow=dict(type='RAFT', small=True, iters=2),
            train_iters=3,
            gamma=0.5))


def test_loss_and_prediction_are_those_of_the_network(model):
    batch = model.data_preprocessor(pseudo_collate([pair(0), pair(1)]))
    img1, img2 = torch.stack(batch['inputs']).unbind(1)
    samples = batch['data_samples']
    truth = torch.stack([s.gt_flow.flow for s in samples])
    valid = torch.cat([s.gt_flow.valid for s in samples])
    losses = model(**batch, mode='loss')
    flows = model.flow(img1, img2, 3, return_all=True)
    expected = sequence_loss(flows, truth, valid, 0.5)
    torch.testing.assert_close(losses['loss_flow'], expected)
    torch.testing.assert_close(losses['epe'],
                               end_point_error(flows[-1], truth, valid))
    assert not losses['epe'].requires_grad
    assert set(losses) == {'loss_flow', 'epe'}
    found = model(**batch, mode='predict')
    expected = model.flow(img1, img2, 2)
    for sample, flow in zip(found, expected):
        torch.testing.assert_close(sample.pred_flow.flow, flow)
    torch.testing.assert_close(model(torch.stack(batch['inputs'])), expected)


def test_flow_is_learned(model):
    batch = model.data_preprocessor(pseudo_collate([pair(0)]), True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4)
    model.train_iters = 1
    errors = []
    for _ in range(12):
        losses = model(**batch, mode='loss')
        optimizer.zero_grad()
        losses['loss_flow'].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        errors.append(float(losses['epe']))
    # that of no motion is 2.2
    assert errors[0] > 2.5 and sum(errors[-3:]) / 3 < 1.5


def test_weights_fit_a_model_that_has_a_flow_network(model):
    names = set(model.state_dict())
    assert names == {f'flow.{name}' for name in RAFT(small=True).state_dict()}


def test_wrong_use(model):
    batch = pseudo_collate([pair(0), pair(1, (40, 64))])
    with pytest.raises(ValueError, match=r'\[\(40, 56\), \(40, 64\)\]'):
        model(**batch, mode='loss')
    with pytest.raises(ValueError, match="mode='losses', expected"):
        model(**pseudo_collate([pair(0)]), mode='losses')
    assert isinstance(model, FlowEstimator)
