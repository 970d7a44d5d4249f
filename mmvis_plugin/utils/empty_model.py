"""Models without memory for their weights."""
from typing import Any, Callable, Optional

import torch
from mmengine.config import ConfigDict
from torch import nn
from torch.overrides import TorchFunctionMode

from mmvis_plugin.registry import MODELS


class _RealNumbers(TorchFunctionMode):
    """Let constructors read numbers that they compute by tensors."""

    def __torch_function__(self,
                           func: Callable,
                           types: Any,
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        # rates of drop path: no weights, read by .item()
        where = dict(device='cpu') if func is torch.linspace else {}
        return func(*args, **{**where, **(kwargs or {})})


def build_empty(cfg: ConfigDict) -> nn.Module:
    """Build a model whose parameters have names and shapes, but no numbers.

    Args:
        cfg (ConfigDict): Config of the model.

    Returns:
        nn.Module: On the device ``meta``.
    """
    with torch.device('meta'), _RealNumbers():
        return MODELS.build(cfg)
