"""Flow that was written together with synthetic videos."""
import os.path as osp
from typing import NamedTuple, Tuple

import torch
from torch import Tensor

from mmvis_plugin.registry import MODELS
from mmvis_plugin.structures import flow_path, read_flow
from .flow_source import FlowSource


class FlowFrame(NamedTuple):
    """A frame as :class:`ExactFlow` knows it.

    Attributes:
        path (str): Image below the folder of the data set.
        size (tuple[int, int]): Height and width of the input.
        flipped (bool): Whether the input is flipped horizontally.
        device (torch.device): Where the flow is needed.
    """
    path: str
    size: Tuple[int, int]
    flipped: bool
    device: torch.device


@MODELS.register_module()
class ExactFlow(FlowSource):
    """Flow out of the files of a data set with ground truth of motion.

    MovingShapes has them for frames at a distance of one and two, forward
    and backward, if it was written with ``--with-flow``.

    Args:
        data_root (str): Folder of the data set.
        flow_folder (str): Folder of all flow below it. Defaults to 'flow'.
    """

    def __init__(self, data_root: str, flow_folder: str = 'flow') -> None:
        super().__init__()
        self.data_root = data_root
        self.flow_folder = flow_folder

    def encode(self, img: Tensor, metainfo: dict) -> FlowFrame:
        """Return the name of a frame.

        Args:
            img (Tensor): ``(1, 3, H, W)``; only its size counts.
            metainfo (dict): ``img_path`` below the folder of the data set
                and, if there, ``flip`` and ``flip_direction``.

        Raises:
            ValueError: If it is no file, or flipped other than horizontally.
        """
        path = metainfo.get('img_path')
        if path is None:
            raise ValueError(
                f'frame {metainfo.get("frame_id")}: no img_path in the '
                'metainfo, expected the file that its flow belongs to; '
                'ExactFlow is for data sets, take RAFT for streams')
        flipped = bool(metainfo.get('flip', False))
        if flipped and metainfo.get('flip_direction') != 'horizontal':
            raise ValueError(
                f'{path}: flip_direction={metainfo.get("flip_direction")!r} '
                "of a frame with exact flow, expected 'horizontal'; change "
                'RandomFlip of the pipeline')
        return FlowFrame(
            osp.relpath(path, self.data_root), tuple(img.shape[-2:]), flipped,
            img.device)

    def flow(self, first: FlowFrame, second: FlowFrame) -> Tensor:
        """Read the flow ``(1, 2, H, W)`` from the first to the second frame.

        Where the surface is hidden in the second frame, the flow is the way
        to where it would be seen.

        Raises:
            FileNotFoundError: If the pair has no file.
            ValueError: If frames were flipped differently or resized.
        """
        path = flow_path(
            osp.join(self.data_root, self.flow_folder), first.path,
            second.path)
        try:
            values = torch.from_numpy(read_flow(path)[0])
        except FileNotFoundError:
            raise FileNotFoundError(
                f'{path}: no flow of this pair of frames; write the data set '
                'with make_moving_shapes.py --with-flow, which has pairs at '
                'a distance of one and two (memory_frames up to 2)') from None
        if values.shape[1:] != first.size or first.flipped != second.flipped:
            raise ValueError(
                f'{path}: flow of size {tuple(values.shape[1:])}, frames of '
                f'size {first.size}, flipped: {first.flipped} and '
                f'{second.flipped}; expected frames as they are in their '
                'files, or both flipped')
        if first.flipped:
            values = values.flip(-1)
            values[0] = -values[0]
        return values[None].to(first.device)
