"""Numbers of objects that the processes of a training share."""
from typing import Union

import torch
from mmdet.utils import reduce_mean
from torch import Tensor


def shared_count(count: Union[int, Tensor], device: torch.device) -> Tensor:
    """Average a number of objects over all processes.

    A sum over the objects of a process that is divided by it is, in the mean
    over the processes, the mean over all their objects: gradients, which
    distributed training averages, are those of one process with all clips.
    Every process has to call this as often as the others, with or without
    objects.

    Args:
        count (int or Tensor): Objects of this process; a tensor is a scalar
            without gradient, which may be a fraction.
        device (torch.device): Of the result.

    Returns:
        Tensor: Scalar, at least 1. Where the processes have fewer objects
        than one each, the loss is that much smaller than in one process.
    """
    if not isinstance(count, Tensor):
        count = torch.tensor(float(count), device=device)
    return reduce_mean(count).clamp(min=1)


def shared_mean(mean: Tensor, count: int) -> Tensor:
    """Weigh a mean over the objects of this process like one over all.

    Args:
        mean (Tensor): Loss, a mean over ``count`` objects, or a zero.
        count (int): Objects of this process.

    Returns:
        Tensor: Scalar; in one process the same mean. See
        :func:`shared_count`.
    """
    return mean * (count / shared_count(count, mean.device))
