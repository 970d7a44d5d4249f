"""Mixed precision without a GPU."""
from contextlib import contextmanager
from typing import Any, Iterator, Optional, Union

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmvis_plugin.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """What ``AmpOptimWrapper`` is on a GPU, on a CPU: bfloat16.

    mmengine's wrapper refuses to work without an accelerator.
    :class:`~mmvis_plugin.engine.VideoRunner` takes this one in its place,
    so that ``--amp`` and configs that name ``AmpOptimWrapper`` train on a
    CPU, too. bfloat16 has the range of float32: no loss is scaled. Both
    read each other's checkpoints.

    Args:
        loss_scale (Any): As in ``AmpOptimWrapper``; not used.
        dtype (str or torch.dtype, optional): bfloat16. Defaults to None,
            which is the same.
        use_fsdp (bool): As in ``AmpOptimWrapper``; not used.
        **kwargs: Arguments of ``OptimWrapper``.

    Raises:
        ValueError: ``dtype`` is another one.
    """

    def __init__(self,
                 loss_scale: Any = 'dynamic',
                 dtype: Optional[Union[str, torch.dtype]] = None,
                 use_fsdp: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if str(dtype or 'bfloat16').replace('torch.', '') != 'bfloat16':
            raise ValueError(
                f'optim_wrapper.dtype={dtype!r}, expected bfloat16 on a CPU: '
                'without scaled losses the gradients of other types vanish; '
                'leave it out or train on a GPU')

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute losses in mixed precision.

        Args:
            model (nn.Module): The model.
        """
        with super().optim_context(model), torch.autocast(
                'cpu', dtype=torch.bfloat16):
            yield
