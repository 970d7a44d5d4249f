"""VIPSeg: panoptic videos in the wild."""
from os import path as osp
from typing import Optional

from mmengine.dist import barrier, get_rank

from mmvis_plugin.registry import DATASETS
from .annotation_cache import cached_source
from .annotation_checks import read_json
from .class_tables import table_categories
from .panoptic_video_dataset import PanopticVideoDataset
from .video_source import VideoSource
from .vipseg_json import parse_vipseg_json
from .vipseg_raw import parse_vipseg_raw


@DATASETS.register_module()
class VIPSeg(PanopticVideoDataset):
    """Video panoptic segmentation with 124 classes, every frame labelled.

    Reads two forms. With a JSON file (the usual 720P form) maps are RGB
    pictures below ``data_prefix['seg_map_path']``. With a split list
    (``ann_file`` ends in ``.txt``) they are the 16 bit masks of the
    download, and the segments are read from the values of their pixels,
    once if there is a ``cache_dir``.

    Args:
        img_suffix (str): Ending of the frame files, for the JSON form.
            Defaults to '.jpg'.
        cache_dir (str, optional): Folder for the segments of a split list;
            to be emptied when masks change. None reads all masks at every
            start.
        workers (int): Number of processes that read masks, with a
            ``cache_dir``. Defaults to 1.
        class_table (str, optional): Class table; None for the categories of
            the JSON file. Defaults to 'vipseg'.
        **kwargs: Arguments of :class:`PanopticVideoDataset`.

    Source: Miao et al., Large-scale Video Panoptic Segmentation in the Wild:
    A Benchmark, CVPR 2022, and the files of the benchmark.
    """

    def __init__(self,
                 *args,
                 img_suffix: str = '.jpg',
                 cache_dir: Optional[str] = None,
                 workers: int = 1,
                 class_table: Optional[str] = 'vipseg',
                 **kwargs) -> None:
        self.img_suffix = img_suffix
        self.cache_dir = cache_dir
        self.workers = workers
        super().__init__(*args, class_table=class_table, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the JSON file, or the masks of a split list."""
        file = self.ann_file
        if osp.splitext(file)[1] == '.txt':
            return self.with_map_paths(self._raw_source())
        data = read_json(file, f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        return self.with_map_paths(
            parse_vipseg_json(data, file, self.img_suffix))

    def _raw_source(self) -> VideoSource:
        # one process of a distributed run fills the cache, the others wait
        waits = self.cache_dir is not None and get_rank() > 0
        if waits:
            barrier()
        try:
            return cached_source(self.ann_file, self.cache_dir,
                                 self._parse_raw)
        finally:
            if self.cache_dir is not None and not waits:
                barrier()

    def _parse_raw(self) -> VideoSource:
        # the values of the masks are numbers of the official classes
        return parse_vipseg_raw(self.ann_file,
                                self.data_prefix.get('img_path', ''),
                                self.data_prefix.get('seg_map_path', ''),
                                table_categories('vipseg'), self.workers,
                                self.cache_dir)
