"""Base of all video segmentation datasets: one element is one video."""
from collections import Counter
from typing import Any, List, Optional, Tuple, Union

from mmdet.datasets import BaseVideoDataset
from mmengine import fileio
from mmengine.logging import MMLogger

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .class_tables import complete_label2cat, match_categories, table_metainfo
from .defects import STRICT, Defects
from .frame_collate import collate_frames
from .video_filters import filter_videos, resolve_filters
from .video_records import check_frame_files, finish_video
from .video_source import VideoSource

Index = Union[int, Tuple[int, int], Tuple[int, int, int]]


@DATASETS.register_module()
class VideoSegDataset(BaseVideoDataset):
    """A dataset whose elements are videos with per-frame instances.

    A data source subclasses it and implements :meth:`load_videos`. Classes,
    labels, ids, filters and indexing are done here, the same for all.

    Three index forms are accepted: ``video``; ``(video, frame)``; ``(video,
    start, stop)`` with ``stop`` excluded. In training the first draws a clip
    of the whole video, the second one around that frame, the third one inside
    the window. In test the frames are returned as they are named.

    Differs from ``mmdet.datasets.BaseVideoDataset``: track id 0 is kept,
    labels follow the class list by name, no filter means no filter, videos
    without frames are dropped, classes live on the instance.

    Args:
        class_table (str, optional): Stem of a file in
            ``mmvis_plugin/datasets/classes``. ``metainfo['classes']`` wins
            over it; with neither, the classes are those of the file.
        unknown (str): 'error' or 'drop', for objects of a category that is
            not in the class list. Defaults to 'error'.
        empty_video (str): 'error' or 'drop', for videos without frames.
            Defaults to 'error'.
        on_label_conflict (str): 'error' or 'first', for a track that changes
            its category. Defaults to 'error'.
        check_files (str): Whether frame files must exist at construction:
            'first' frame of each video, 'all' or 'none'. Defaults to 'first'.
        filter_cfg (dict, optional): See ``video_filters``; training only.
            None filters nothing.
        defects (Defects, optional): Collects the errors of records, which
            are then left out. None stops at the first.
        **kwargs: Arguments of ``BaseVideoDataset``.

    Raises:
        AnnotationError: If the source breaks its format, has no class in
            common with the class list, or has no video left.
        FileNotFoundError: If a file is missing.
    """

    _CHOICES = dict(
        unknown=('error', 'drop'),
        empty_video=('error', 'drop'),
        on_label_conflict=('error', 'first'),
        check_files=('first', 'all', 'none'))

    def __init__(self,
                 *args,
                 class_table: Optional[str] = None,
                 unknown: str = 'error',
                 empty_video: str = 'error',
                 on_label_conflict: str = 'error',
                 check_files: str = 'first',
                 metainfo: Optional[dict] = None,
                 defects: Optional[Defects] = None,
                 **kwargs) -> None:
        options = dict(
            unknown=unknown,
            empty_video=empty_video,
            on_label_conflict=on_label_conflict,
            check_files=check_files)
        for key, value in options.items():
            if value not in self._CHOICES[key]:
                raise ValueError(f'{key}={value!r} of {type(self).__name__}, '
                                 f'expected one of {self._CHOICES[key]}')
            setattr(self, key, value)
        self.class_table = class_table
        if class_table is not None:
            metainfo = {**table_metainfo(class_table), **(metainfo or {})}
        self.cat2label: dict = {}
        self.drops: Counter = Counter()
        self.defects = STRICT if defects is None else defects
        super().__init__(*args, metainfo=metainfo, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the source. The one method a data source has to write.

        Returns:
            VideoSource: Videos in the terms of the source; paths of frames
            as ``file_name`` below ``data_prefix['img_path']`` or, if they
            are formed otherwise, as ``img_path``.
        """
        raise NotImplementedError(
            f'{type(self).__name__} must implement load_videos')

    def load_data_list(self) -> List[dict]:
        """Return all videos, ascending by id, before filtering."""
        source = self.load_videos()
        self.drops = Counter(source.drops)
        if not source.annotated and not self.test_mode:
            raise AnnotationError(
                f'no annotations in {self.ann_file} (a test file?), expected '
                'a non-empty list; use it with test_mode=True only')
        self._set_classes(source.categories)
        videos, next_id = [], 1
        for video in sorted(source.videos, key=lambda v: v['video_id']):
            if not video['images']:
                with self.defects:
                    self._meet_empty(video)
                continue
            next_id = finish_video(video, self.cat2label, next_id,
                                   self.ann_file, self.unknown,
                                   self.on_label_conflict, self.drops,
                                   self.defects)
            for image in video['images']:
                if 'img_path' not in image:
                    image['img_path'] = fileio.join_path(
                        self.data_prefix.get('img_path', ''),
                        image['file_name'])
            check_frame_files(video, self.check_files, self.backend_args,
                              self.defects)
            videos.append(video)
        return videos

    def _meet_empty(self, video: dict) -> None:
        if self.empty_video == 'error':
            raise AnnotationError(
                f'{self.ann_file}: video {video["video_name"]} (id '
                f'{video["video_id"]}) has zero frames, expected at least '
                "one; set empty_video='drop' to leave such videos out")
        self.drops['video with zero frames'] += 1

    def _set_classes(self, categories: List[dict]) -> None:
        classes = self._metainfo.get('classes')
        if not classes:
            classes = [category['name'] for category in categories]
        self.cat2label = match_categories(classes, categories, self.ann_file)
        self._metainfo['classes'] = tuple(classes)
        self._metainfo['label2cat'] = tuple(
            complete_label2cat(self.cat2label, classes, self.class_table))

    def filter_data(self) -> List[dict]:
        """Apply ``filter_cfg`` in training; log once per reason.

        Raises:
            AnnotationError: If no video is left.
        """
        videos = self.data_list
        if not self.test_mode and self.filter_cfg is not None:
            videos = filter_videos(videos, resolve_filters(self.filter_cfg),
                                   self.drops)
        logger = MMLogger.get_current_instance()
        self.drops = +self.drops  # without zeros
        for reason, count in sorted(self.drops.items()):
            logger.info(f'{type(self).__name__}: left out {count}: {reason}')
        if not videos:
            raise AnnotationError(
                f'{self.ann_file}: no video left of {len(self.data_list)}; '
                f'left out: {dict(self.drops)}; check filter_cfg')
        return videos

    def full_init(self) -> None:
        """Load the data; in test mode, list the videos in the metainfo.

        ``metainfo['video_ids']`` tells metrics which videos to wait for.
        """
        if self._fully_initialized:
            return
        super().full_init()
        if self.test_mode:
            self._metainfo['video_ids'] = tuple(
                self.get_data_info(i)['video_id'] for i in range(len(self)))

    def __getitem__(self, idx: Index) -> dict:
        """Return the packed sample of an index.

        In training a video that yields no clip is replaced by the next one,
        so that the result depends on the index and the random state alone.

        Raises:
            AnnotationError: If no video of the dataset yields a sample.
        """
        self.full_init()
        if self.test_mode:
            return super().__getitem__(idx)
        for attempt in range(len(self)):
            data = self.prepare_data(idx)
            if data is not None:
                return data
            video = idx[0] if isinstance(idx, tuple) else idx
            idx = (video + 1) % len(self)
        raise AnnotationError(
            f'{self.ann_file}: none of {len(self)} videos yields a training '
            'clip with an instance that is not ignored')

    def prepare_data(self, idx: Index) -> Any:
        """Run the pipeline on what an index names.

        Args:
            idx (int | tuple): One of the three index forms.

        Raises:
            IndexError: If frames are named that the video does not have.
        """
        window = ()
        if isinstance(idx, (tuple, list)):
            idx, *window = idx
        video = self.get_data_info(idx)
        start, stop = self._window(video, window)
        if self.test_mode:
            return self.pipeline(collate_frames(video, range(start, stop)))
        if len(window) == 1:
            video['key_frame_id'] = start
        elif len(window) == 2:
            video['images'] = video['images'][start:stop]
        return self.pipeline(video)

    @staticmethod
    def _window(video: dict, window: list) -> Tuple[int, int]:
        length = video['video_length']
        if len(window) == 0:
            return 0, length
        start, stop = window if len(window) == 2 else (window[0],
                                                       window[0] + 1)
        if not 0 <= start < stop <= length:
            raise IndexError(
                f'frames {start}:{stop} of video {video["video_name"]}, '
                f'which has {length} frames')
        return start, stop
