"""Datasets under the names and with the arguments of mmtrack 1.0.0rc1."""
from typing import Optional

from mmvis_plugin.datasets.annotation_checks import read_json
from mmvis_plugin.datasets.imagenet_vid import ImageNetVID
from mmvis_plugin.datasets.video_source import VideoSource
from mmvis_plugin.datasets.youtube_vis import YouTubeVIS, parse_video_json
from .key_frame_dataset import KeyFrameDataset


class BaseVideoDataset(KeyFrameDataset):
    """Any video data in COCO-video JSON; classes by ``metainfo``.

    Args:
        unknown (str): 'drop' leaves out objects of other categories, as
            mmtrack does, and logs their number; 'error' refuses them.
            Defaults to 'drop'.
        **kwargs: Arguments of :class:`KeyFrameDataset` but ``source``.
    """

    source = YouTubeVIS

    def __init__(self, unknown: str = 'drop', **kwargs) -> None:
        super().__init__(self.source, unknown=unknown, **kwargs)


class YouTubeVISDataset(BaseVideoDataset):
    """YouTube-VIS in COCO-video or in its official JSON.

    Args:
        dataset_version (str, optional): '2019' or '2021' for the classes of
            that year. Without it they are those of ``metainfo`` or of the
            file. Defaults to None.
        **kwargs: Arguments of :class:`BaseVideoDataset`.
    """

    def __init__(self,
                 dataset_version: Optional[str] = None,
                 **kwargs) -> None:
        if dataset_version is not None:
            if str(dataset_version) not in YouTubeVIS.VERSIONS:
                raise ValueError(f'dataset_version={dataset_version!r} of '
                                 'YouTubeVISDataset, expected one of '
                                 f'{YouTubeVIS.VERSIONS} or None')
            kwargs['class_table'] = f'youtube_vis_{dataset_version}'
        super().__init__(**kwargs)


class _SampledImageNetVID(ImageNetVID):
    """Keeps which frames are to be key frames in training."""

    def _parse(self) -> VideoSource:
        data = read_json(self.ann_file,
                         f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        source = parse_video_json(data, self.ann_file, self.defects)
        chosen = {
            image['id']: bool(image['is_vid_train_frame'])
            for image in data.get('images') or ()
            if 'is_vid_train_frame' in image
        }
        for video in source.videos:
            for image in video['images']:
                image['is_vid_train_frame'] = chosen.get(image['img_id'], True)
        return source


class ImagenetVIDDataset(BaseVideoDataset):
    """ImageNet VID and, with ``load_as_video=False``, ImageNet DET.

    In training only frames with ``is_vid_train_frame`` are key frames, where
    the file has that flag.

    Args:
        **kwargs: Arguments of :class:`BaseVideoDataset`.
    """

    source = _SampledImageNetVID

    def __init__(self, **kwargs) -> None:
        super().__init__(**{'class_table': 'imagenet_vid', **kwargs})
