"""Cityscapes-VPS, and custom data in its format."""
import re
from os import path as osp
from typing import Dict, Optional, Tuple

from mmengine import fileio

from mmvis_plugin.registry import DATASETS
from .annotation_checks import read_json
from .panoptic_json import parse_panoptic_json
from .panoptic_records import last_number
from .panoptic_video_dataset import PanopticVideoDataset
from .video_source import VideoSource

_FRAMES_PER_VIDEO = 10000
_NUMBERED = re.compile(r'\d{4}_\d{4}_')
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
        videos = videos_by_id(every)

        def video_of(stem: str) -> Tuple[str, Optional[int]]:
            video, number = video_of_frame(stem)
            return videos.get(stem, video), number

        return self.with_map_paths(
            parse_panoptic_json(data, self.ann_file, video_of, every,
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


def videos_by_id(every: Optional[dict]) -> Dict[str, str]:
    """Return the videos of the frames whose names do not tell them.

    The release names all frames as Cityscapes does, without the numbers of
    video and image, and gives them the ids video * 10000 + position.

    Args:
        every (dict, optional): Top level of the list of all frames.

    Returns:
        dict[str, str]: Name of the file without ending to the video.

    Examples:
        >>> name = 'frankfurt_000000_001736_leftImg8bit.png'
        >>> videos_by_id(dict(images=[dict(id=50005, file_name=name)]))
        {'frankfurt_000000_001736_leftImg8bit': '0005'}
    """
    images = (every or {}).get('images')
    return {
        osp.splitext(osp.basename(image['file_name']))[0]:
        f'{image["id"] // _FRAMES_PER_VIDEO:04d}'
        for image in (images if isinstance(images, list) else ())
        if isinstance(image, dict) and type(image.get('id')) is int
        and isinstance(image.get('file_name'), str)
        and not _NUMBERED.match(osp.basename(image['file_name']))
    }
