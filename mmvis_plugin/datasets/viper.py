"""VIPER in the form of Cityscapes-VPS."""
from os import path as osp
from typing import List, Optional, Sequence, Tuple

from mmengine import fileio

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import read_json
from .panoptic_json import parse_panoptic_json
from .panoptic_records import last_number
from .panoptic_video_dataset import PanopticVideoDataset
from .video_source import VideoSource

_SUFFIXES = ('.jpg', '.png')


@DATASETS.register_module()
class VIPER(PanopticVideoDataset):
    """Video panoptic segmentation of game videos, every frame labelled.

    Frames are ``<sequence>_<number>``; the image may lie in a folder of its
    sequence or not, as JPEG or PNG.

    Args:
        sequences (Sequence[str], optional): Names of the sequences in use,
            e.g. ('002', '005'); None for all of the file. Defaults to None.
        frame_step (int): Every n-th frame is used; 5 for training as in the
            VPS benchmark. Defaults to 1.
        max_frames (int, optional): The first n frames of a sequence are
            used, before the step; 60 for validation. Defaults to None.
        class_table (str, optional): Class table; None for the categories of
            the file. Defaults to 'viper'.
        **kwargs: Arguments of :class:`PanopticVideoDataset`.

    Source: Richter et al., Playing for Benchmarks, ICCV 2017; the panoptic
    classes and splits of Kim et al., Video Panoptic Segmentation, CVPR 2020.
    The list of their 10 validation sequences is not published.
    """

    def __init__(self,
                 *args,
                 sequences: Optional[Sequence[str]] = None,
                 frame_step: int = 1,
                 max_frames: Optional[int] = None,
                 class_table: Optional[str] = 'viper',
                 **kwargs) -> None:
        if frame_step < 1 or (max_frames is not None and max_frames < 1):
            raise ValueError(
                f'frame_step={frame_step}, max_frames={max_frames} of VIPER, '
                'expected numbers of frames >= 1')
        self.sequences = None if sequences is None else tuple(sequences)
        self.frame_step = frame_step
        self.max_frames = max_frames
        super().__init__(*args, class_table=class_table, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the annotation file; pick sequences and frames."""
        data = read_json(self.ann_file,
                         f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        source = parse_panoptic_json(data, self.ann_file, video_of_frame)
        source.videos = self._chosen(source.videos)
        for video in source.videos:
            video['images'] = video['images'][:self.max_frames:self.frame_step]
            self._find_images(video)
        return self.with_map_paths(source)

    def _chosen(self, videos: List[dict]) -> List[dict]:
        if self.sequences is None:
            return videos
        by_name = {video['video_name']: video for video in videos}
        absent = sorted(set(self.sequences) - set(by_name))
        if absent:
            raise AnnotationError(
                f'{self.ann_file}: no sequences {absent[:5]}, expected some '
                f'of {sorted(by_name)[:5]}... ({len(by_name)}); correct '
                'sequences')
        return [
            video for video in videos if video['video_name'] in self.sequences
        ]

    def _find_images(self, video: dict) -> None:
        """Take the place and ending that the first image has."""
        if not video['images']:
            return
        first = video['images'][0]['file_name']
        folder = video['video_name']
        for suffix in (osp.splitext(first)[1], *_SUFFIXES):
            for place in ('', folder):
                if fileio.exists(
                        self._image_path(first, place, suffix),
                        backend_args=self.backend_args):
                    for image in video['images']:
                        image['img_path'] = self._image_path(
                            image['file_name'], place, suffix)
                    return

    def _image_path(self, file_name: str, folder: str, suffix: str) -> str:
        return fileio.join_path(
            self.data_prefix.get('img_path', ''), folder,
            osp.splitext(file_name)[0] + suffix)


def video_of_frame(stem: str) -> Tuple[str, Optional[int]]:
    """Return the sequence and the number of a frame.

    Args:
        stem (str): Name of the file without folder and ending.

    Raises:
        ValueError: If it is not <sequence>_<number>.

    Examples:
        >>> video_of_frame('002_00003')
        ('002', 3)
    """
    sequence, _, number = stem.rpartition('_')
    if not sequence or last_number(number) is None:
        raise ValueError('expected <sequence>_<number>')
    return sequence, last_number(number)
