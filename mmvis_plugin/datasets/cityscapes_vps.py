"""Cityscapes-VPS, and custom data in its format."""
import re
from os import path as osp
from typing import Optional, Tuple

from mmengine import fileio

from mmvis_plugin.registry import DATASETS
from .annotation_checks import read_json
from .panoptic_json import parse_panoptic_json
from .panoptic_records import last_number
from .panoptic_video_dataset import PanopticVideoDataset
from .video_source import VideoSource

_ENDING = re.compile(r'_(leftImg8bit|newImg8bit)$')


@DATASETS.register_module()
class CityscapesVPS(PanopticVideoDataset):
    """Video panoptic segmentation with every 5th of 30 frames labelled.

    The first four characters of the name of a frame are its video, its last
    number is the number of the frame.

    Args:
        frames (str): 'labelled' for the frames of the annotation file, or
            'all' for those of ``all_frames_file``, of which the labelled
            ones have ``has_ann=True``; ``data_prefix['img_path']`` is then
            the folder of all frames. Defaults to 'labelled'.
        all_frames_file (str, optional): List of all frames. None takes the
            name of ``ann_file`` with ``im_all_info`` for ``panoptic_gt`` or
            ``panoptic_im``. Defaults to None.
        class_table (str, optional): Class table; None for the categories of
            the file. Defaults to 'cityscapes_vps'.
        **kwargs: Arguments of :class:`PanopticVideoDataset`.

    Source: Kim et al., Video Panoptic Segmentation, CVPR 2020, and the files
    of the benchmark.
    """

    FRAMES = ('labelled', 'all')

    def __init__(self,
                 *args,
                 frames: str = 'labelled',
                 all_frames_file: Optional[str] = None,
                 class_table: Optional[str] = 'cityscapes_vps',
                 **kwargs) -> None:
        if frames not in self.FRAMES:
            raise ValueError(f'frames={frames!r} of CityscapesVPS, expected '
                             f'one of {self.FRAMES}')
        self.frames = frames
        self.all_frames_file = all_frames_file
        super().__init__(*args, class_table=class_table, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the annotation file and, for all frames, their list."""
        data = read_json(self.ann_file,
                         f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        every, every_file = None, ''
        if self.frames == 'all':
            every_file = self._all_frames_path()
            every = read_json(
                every_file,
                f"data_root={self.data_root!r}, all_frames_file, frames='all'",
                self.backend_args)
        return self.with_map_paths(
            parse_panoptic_json(data, self.ann_file, video_of_frame, every,
                                every_file))

    def _all_frames_path(self) -> str:
        if self.all_frames_file is None:
            folder, name = osp.split(self.ann_file)
            name = re.sub('^panoptic_(gt|im)', 'im_all_info', name)
            return osp.join(folder, name)
        return fileio.join_path(self.data_root or '', self.all_frames_file)


def video_of_frame(stem: str) -> Tuple[str, Optional[int]]:
    """Return the video and the number of a frame.

    Args:
        stem (str): Name of the file without folder and ending.

    Examples:
        >>> video_of_frame('0005_0025_frankfurt_000000_001736_newImg8bit')
        ('0005', 1736)
    """
    return stem[:4], last_number(_ENDING.sub('', stem))
