import pytest
import torch

from mmvis_plugin.models.layers import at_least_fp32


@pytest.mark.parametrize('given, expected', [
    (torch.float16, torch.float32),
    (torch.bfloat16, torch.float32),
    (torch.float32, torch.float32),
    (torch.float64, torch.float64),
])
def test_narrow_types_are_widened(given, expected):
    tensor = torch.tensor([1.5, -2.25], dtype=given)
    wide = at_least_fp32(tensor)
    assert wide.dtype == expected
    assert wide.tolist() == [1.5, -2.25]
