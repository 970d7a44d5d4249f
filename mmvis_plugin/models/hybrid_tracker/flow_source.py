"""Optical flow that is no network."""
from abc import abstractmethod
from typing import Any, Tuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS


class FlowSource(BaseModule):
    """Base of what can stand in the place of a flow network.

    It is asked as :class:`RAFT` is, but for the metainfo: :meth:`encode`
    once per frame, :meth:`flow` once per pair.
    """

    @abstractmethod
    def encode(self, img: Tensor, metainfo: dict) -> Any:
        """Return what is to be kept of a frame.

        Args:
            img (Tensor): ``(1, 3, H, W)``, RGB in 0 to 255.
            metainfo (dict): Of the frame.
        """

    @abstractmethod
    def flow(self, first: Any, second: Any) -> Tensor:
        """Return the flow ``(1, 2, H, W)`` from the first to the second frame.

        Args:
            first (Any): :meth:`encode` of the first frame.
            second (Any): :meth:`encode` of the second frame.
        """


@MODELS.register_module()
class ZeroFlow(FlowSource):
    """Nothing moves: the pixel tracker compares masks where they are."""

    def encode(self, img: Tensor, metainfo: dict) -> Tensor:
        """Return the flow of every pair that the frame is first in."""
        return img.new_zeros(1).expand(1, 2, *img.shape[-2:])

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """Return zeros ``(1, 2, H, W)``."""
        return first


def resize_flow(flow: Tensor, size: Tuple[int, int]) -> Tensor:
    """Bring flow to another size of its frames, in pixels of that size.

    Args:
        flow (Tensor): ``(B, 2, h, w)``: to the right, then down.
        size (tuple[int, int]): Height and width.

    Returns:
        Tensor: ``(B, 2, *size)``.
    """
    height, width = flow.shape[-2:]
    if (height, width) == tuple(size):
        return flow
    factors = flow.new_tensor([size[1] / width, size[0] / height])
    flow = F.interpolate(
        flow, size=tuple(size), mode='bilinear', align_corners=False)
    return flow * factors[:, None, None]
