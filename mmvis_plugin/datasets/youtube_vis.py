"""YouTube-VIS 2019 and 2021, and custom data in their format."""
from typing import Optional

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .annotation_cache import cached_source
from .annotation_checks import read_json
from .coco_video_json import parse_coco_video_json
from .defects import STRICT, Defects
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource
from .vis_json import parse_vis_json


@DATASETS.register_module()
class YouTubeVIS(VideoSegDataset):
    """Video instance segmentation from one JSON file.

    Reads the official JSON (one record per track; ``annotations`` may be
    absent in test mode) and COCO-video JSON (one record per object and
    frame, as mmdet's converters write it).

    Args:
        version (str, optional): '2019' or '2021' for the class list of that
            year. None takes ``metainfo['classes']`` or, without it, the
            categories of the file: custom data needs no class of its own.
        cache_dir (str, optional): Folder for parsed annotations. None
            parses the file at every start.
        **kwargs: Arguments of :class:`VideoSegDataset`.

    Source: Yang et al., Video Instance Segmentation, ICCV 2019, and the
    annotation files of the benchmark.
    """

    VERSIONS = ('2019', '2021')

    def __init__(self,
                 *args,
                 version: Optional[str] = None,
                 cache_dir: Optional[str] = None,
                 **kwargs) -> None:
        if version is not None:
            if str(version) not in self.VERSIONS:
                raise ValueError(
                    f'version={version!r} of {type(self).__name__}, expected '
                    f'one of {self.VERSIONS} or None for the classes of the '
                    'file')
            kwargs['class_table'] = f'youtube_vis_{version}'
        self.cache_dir = cache_dir
        super().__init__(*args, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the annotation file, or take it from the cache."""
        return cached_source(self.ann_file, self.cache_dir, self._parse)

    def _parse(self) -> VideoSource:
        file = self.ann_file
        data = read_json(file, f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        return parse_video_json(data, file, self.defects)


def parse_video_json(data: dict,
                     file: str,
                     defects: Defects = STRICT) -> VideoSource:
    """Read one of the two forms of a JSON file with videos.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.
        defects (Defects): Lets errors of records pass or collects them.

    Raises:
        AnnotationError: If the file has neither form, or naming the record
            that breaks it.
    """
    if data.get('images') is not None:
        return parse_coco_video_json(data, file, defects)
    if data.get('videos') is None:
        raise AnnotationError(
            f"{file}: key videos is missing, expected 'videos' with "
            "'file_names' (YouTube-VIS) or 'videos' and 'images' "
            '(COCO-video); convert labels of labelme or CVAT with '
            'tools/dataset_converters/labelme2ytvis.py or cvat2ytvis.py')
    return parse_vis_json(data, file, defects)
