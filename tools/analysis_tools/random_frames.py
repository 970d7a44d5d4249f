"""Frames that show nothing, with their metainfo."""
from typing import List, Optional, Tuple

import torch
from torch import Tensor

Size = Tuple[int, int]


def frame_meta(frame_id: int,
               size: Size,
               padded: Size,
               ori_shape: Optional[Size] = None,
               length: int = 10**9) -> dict:
    """Return the metainfo of a frame.

    Args:
        frame_id (int): Its position in video 0.
        size (tuple[int, int]): Of the input without its padding.
        padded (tuple[int, int]): Of the input.
        ori_shape (tuple[int, int], optional): Of the original frame. None
            if it was not resized.
        length (int): Of the video. Defaults to one that never ends.
    """
    ori_shape = ori_shape or size
    return dict(
        frame_id=frame_id,
        video_id=0,
        ori_video_length=length,
        img_shape=size,
        ori_shape=ori_shape,
        pad_shape=padded,
        batch_input_shape=padded,
        scale_factor=(size[1] / ori_shape[1], size[0] / ori_shape[0]))


def noise_images(num: int, size: Size, device: torch.device) -> List[Tensor]:
    """Return normalised images ``(1, 3, H, W)``, the same in every run.

    Args:
        num (int): Their number.
        size (tuple[int, int]): Height and width.
        device (torch.device): Where to.
    """
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(1, 3, *size, generator=generator).to(device)
        for _ in range(num)
    ]
