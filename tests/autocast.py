"""What old releases of torch cannot do in lower precision."""
import pytest
import torch
from torch import nn


@torch.no_grad()
def attends_on_a_cpu() -> bool:
    """Tell whether attention takes float32 weights in an autocast block."""
    attention = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    rows = torch.ones(1, 2, 4)
    try:
        with torch.autocast('cpu', torch.bfloat16):
            attention(rows, rows, rows, need_weights=False)
    except RuntimeError:
        return False
    return True


needs_cpu_autocast = pytest.mark.skipif(
    not attends_on_a_cpu(),
    reason='attention of this torch has no autocast on a CPU')
