import math

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData

from mmvis_plugin.evaluation.metrics import FlowMetric


def sample_of(exact, errors, valid):
    """One row of pixels with given flow and vectors of errors."""
    sample = DetDataSample()
    exact = torch.tensor(exact).t()[:, None]
    errors = torch.tensor(errors).t()[:, None]
    sample.gt_flow = PixelData(
        flow=exact, valid=torch.tensor(valid)[None, None])
    sample.pred_flow = PixelData(flow=exact + errors)
    return sample


def evaluate(*samples):
    evaluator = Evaluator(FlowMetric())
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def test_values_by_hand():
    first = sample_of([[0., 0.], [100., 0.], [0., 60.], [3., 4.]],
                      [[3., 4.], [0., 4.], [4., 0.], [9., 9.]],
                      [True, True, True, False])
    second = sample_of([[6., 8.], [0., 0.]], [[0., 0.5], [0., 2.]],
                       [True, True])
    found = evaluate(first, second)
    assert found == {
        'flow/EPE': pytest.approx((5 + 4 + 4 + 0.5 + 2) / 5),
        'flow/1px': pytest.approx(20),
        'flow/3px': pytest.approx(40),
        # 4 of 100 pixels are within 5 %, 4 of 60 are not
        'flow/Fl-all': pytest.approx(40),
        'flow/zero_EPE': pytest.approx((100 + 60 + 10) / 5)
    }


def test_flow_that_is_not_finite_is_wrong():
    nan = math.nan
    found = evaluate(
        sample_of([[1., 0.], [1., 0.]], [[nan, 0.], [0., 0.]], [True, True]))
    assert math.isnan(found['flow/EPE'])
    assert found['flow/1px'] == found['flow/3px'] == 50
    assert found['flow/Fl-all'] == 50
    # where nothing is known it does not matter
    found = evaluate(
        sample_of([[1., 0.], [1., 0.]], [[nan, 0.], [0., 0.]], [False, True]))
    assert found['flow/EPE'] == 0


def test_nothing_is_known():
    found = evaluate(sample_of([[1., 0.]], [[0., 0.]], [False]))
    assert all(math.isnan(value) for value in found.values())
