"""BDD100K MOTS: multi-object tracking and segmentation while driving."""
import os.path as osp
import tempfile
from typing import Dict, Optional

from mmengine import fileio

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import TaskParts, run_tasks
from .annotation_cache import cached_source
from .annotation_checks import frame_numbers, read_json
from .bdd100k_bitmasks import IMAGE_SUFFIXES, frame_files
from .bdd100k_labels import (VideoLabels, collect_videos, find_videos,
                             labels_key, list_folders, read_video)
from .bdd100k_rles import image_size
from .coco_video_json import parse_coco_video_json
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource


@DATASETS.register_module()
class BDD100KMOTS(VideoSegDataset):
    """Segmentation tracking of BDD100K ("seg_track_20"), 8 classes.

    What ``ann_file`` names decides how it is read:

    - a folder with a folder of RGBA pictures per video, the official
      ``labels/seg_track_20/bitmasks/<split>``;
    - a folder with a JSON file per video, the official ``rles/<split>``;
    - a JSON file in COCO-video form, which
      ``tools/dataset_converters/bdd100k.py`` makes of either: the fastest;
    - nothing (''), in test mode only: the videos of the image folder without
      annotations, as in the test set.

    Crowd and ignored objects get ``ignore_flag=1``. Names of older releases
    (person, van, caravan, motor, bike) count as the class they became;
    distractors (other person, other vehicle, trailer) are ignored objects of
    the class they look like. Track ids, unique per video there, are
    renumbered for the data set.

    Args:
        cache_dir (str, optional): Local folder for parsed labels, which have
            to be local, too. None parses at every start.
        workers (int): Number of processes that parse a label folder.
            Defaults to 4.
        **kwargs: Arguments of :class:`VideoSegDataset`;
            ``data_prefix['img_path']`` is the folder with one folder of
            frames per video. With ``check_files='none'`` frames may lack a
            bitmask.

    Source: Yu et al., BDD100K: A Diverse Driving Dataset for Heterogeneous
    Multitask Learning, CVPR 2020, and the label format of the benchmark.
    """

    def __init__(self,
                 *args,
                 cache_dir: Optional[str] = None,
                 workers: int = 4,
                 **kwargs) -> None:
        if workers < 1:
            raise ValueError(f'workers={workers} of BDD100KMOTS, expected at '
                             'least 1')
        kwargs.setdefault('class_table', 'bdd100k_mots')
        self.cache_dir = cache_dir
        self.workers = workers
        super().__init__(*args, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the labels, or take them from the cache."""
        file = self.ann_file
        if not file:
            return self._frames_alone()
        if fileio.isfile(file, backend_args=self.backend_args):
            return cached_source(file, self.cache_dir, self._parse_json)
        tasks = find_videos(
            file,
            self._image_dir,
            f'data_root={self.data_root!r}, ann_file',
            unknown=self.unknown,
            check_files=self.check_files,
            backend_args=self.backend_args)
        key = labels_key(tasks) if self.cache_dir else None
        return cached_source(file, self.cache_dir, lambda: self._parse(tasks),
                             key)

    @property
    def _image_dir(self) -> str:
        return self.data_prefix.get('img_path', '')

    def _parse_json(self) -> VideoSource:
        data = read_json(self.ann_file, backend_args=self.backend_args)
        return parse_coco_video_json(data, self.ann_file)

    def _parse(self, tasks: Dict[str, VideoLabels]) -> VideoSource:
        with tempfile.TemporaryDirectory() as folder:
            parts = TaskParts(folder, {})
            results = run_tasks(read_video, tasks, parts, self.workers)
            return collect_videos(results)

    def _frames_alone(self) -> VideoSource:
        """List the videos of the image folder."""
        folder, videos = self._image_dir, []
        if not self.test_mode:
            raise AnnotationError(
                f"no annotations: ann_file='' of BDD100KMOTS on {folder}, "
                'expected a label folder or a JSON file; use it with '
                'test_mode=True only')
        if not fileio.isdir(folder, backend_args=self.backend_args):
            raise FileNotFoundError(
                f'image folder {folder} not found (from data_root='
                f"{self.data_root!r}, data_prefix['img_path'])")
        for name in sorted(list_folders(folder, self.backend_args)):
            files = frame_files(
                osp.join(folder, name), IMAGE_SUFFIXES,
                self.backend_args).values()
            paths = [f'{name}/{file}' for file in files]
            size = image_size(osp.join(folder, paths[0]),
                              self.backend_args) if paths else None
            numbers = frame_numbers(paths, folder, f'video {name}')
            images = [
                dict(
                    file_name=path,
                    height=size[0],
                    width=size[1],
                    src_frame=number,
                    has_ann=False,
                    instances=[]) for path, number in zip(paths, numbers)
            ]
            videos.append(
                dict(video=dict(video_name=name, images=images), drops={}))
        source = collect_videos(videos)
        source.annotated = False
        return source
