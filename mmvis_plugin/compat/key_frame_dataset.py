"""Videos as a list of key frames, as datasets of mmtrack 1.0 show them."""
import functools
import os.path as osp
from typing import Any, Callable, List, Optional, Sequence, Tuple, Type, Union

import torch
from mmcv.transforms import TransformBroadcaster
from mmdet.structures import TrackDataSample
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger

from mmvis_plugin.datasets.class_tables import normalise_name
from mmvis_plugin.datasets.frame_collate import collate_frames
from mmvis_plugin.datasets.pseudo_video import CocoPseudoVideoDataset
from mmvis_plugin.datasets.video_filters import has_target
from mmvis_plugin.datasets.video_seg_dataset import VideoSegDataset
from .reference_frames import draw_reference_frames

KEY_FRAME_ARGS = ('load_as_video', 'key_img_sampler', 'ref_img_sampler')
DEFAULT_REFERENCES = dict(
    num_ref_imgs=2,
    frame_range=9,
    filter_key_img=True,
    method='bilateral_uniform')
# what transforms of the geometry change
_UNCHANGED = dict(scale_factor=(1., 1.), flip=False, flip_direction=None)

Index = Union[int, Tuple[int, int, int]]


class KeyFrameDataset(BaseDataset):
    """A dataset of videos whose elements are key frames.

    In training element ``i`` is the ``i``-th key frame and the reference
    frames that ``ref_img_sampler`` draws around it, as per-frame lists with
    the key frame first. In test every frame is an element; it goes through
    the pipeline alone, without lists unless the pipeline has a
    ``TransformBroadcaster``. Next to numbers, ``(video, start, stop)`` is an
    index: the frames of a window as one sample.

    Args:
        source (type): Class of the dataset of videos, which reads the files.
        pipeline (Sequence[dict]): Transforms; the last one packs. Defaults
            to ().
        load_as_video (bool): False for a COCO file of still images: each is
            a key frame and its own reference. Defaults to True.
        key_img_sampler (dict, optional): ``interval``: every n-th frame is a
            key frame, in training only. Defaults to None, every frame.
        ref_img_sampler (dict, optional): Arguments of
            :func:`~mmvis_plugin.compat.reference_frames.draw_reference_frames`;
            None draws none. Not used in test.
        filter_cfg (dict, optional): ``filter_empty_gt`` (True) leaves out
            key frames without objects, ``min_size`` (32) those with a
            shorter side; in training only. References are never left out.
        metainfo (dict, optional): ``classes`` or ``CLASSES``: names, one
            name, or a file with a name per line; ``PALETTE`` alike.
        test_mode (bool): Whether the dataset is for tests. Defaults to
            False.
        lazy_init (bool): Whether files are read later. Defaults to False.
        indices (int | Sequence[int], optional): Use only these key frames.
        serialize_data (bool): Whether records are kept as bytes, which
            workers share. Defaults to True.
        **kwargs: Arguments of ``source``.

    Differs from mmtrack: no filter lets frames of unknown categories pass
    silently (what is left out is logged), and track id 0 is an id.
    """

    def __init__(self,
                 source: Type[VideoSegDataset],
                 pipeline: Sequence[dict] = (),
                 load_as_video: bool = True,
                 key_img_sampler: Optional[dict] = None,
                 ref_img_sampler: Optional[dict] = DEFAULT_REFERENCES,
                 filter_cfg: Optional[dict] = None,
                 metainfo: Optional[dict] = None,
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 indices: Optional[Union[int, Sequence[int]]] = None,
                 serialize_data: bool = True,
                 **kwargs) -> None:
        self.videos = (source if load_as_video else StillImages)(
            metainfo=lower_case_keys(metainfo),
            test_mode=test_mode,
            lazy_init=True,
            serialize_data=serialize_data,
            **kwargs)
        self.load_as_video = load_as_video
        self.interval = (key_img_sampler or {}).get('interval', 1)
        self.ref_img_sampler = None if test_mode else ref_img_sampler
        self.key_filter = _resolve(filter_cfg)
        if self.ref_img_sampler is not None:  # before hours of training
            draw_reference_frames(0, 1, **self.ref_img_sampler)
        elif ref_img_sampler is not None:
            MMLogger.get_current_instance().info(
                f'{type(self).__name__}: ref_img_sampler is not used in '
                'tests: online models see every frame')
        super().__init__(
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            indices=indices,
            serialize_data=serialize_data)
        self.ann_file = self.videos.ann_file

    @property
    def metainfo(self) -> dict:
        """dict: That of the videos."""
        return self.videos.metainfo

    def load_data_list(self) -> List[dict]:
        """List the key frames: where they are, their size, their video."""
        self.videos.full_init()
        frames = []
        for number in range(len(self.videos)):
            video = self.videos.get_data_info(number)
            for frame_id, image in enumerate(video['images']):
                if not (self.test_mode or self._is_key(frame_id, image)):
                    continue
                frames.append(
                    dict(
                        video=number,
                        frame_id=frame_id,
                        height=image['height'],
                        width=image['width'],
                        img_path=image['img_path'],
                        img_id=image['img_id'],
                        video_id=video['video_id'],
                        video_length=video['video_length']))
        return frames

    def _is_key(self, frame_id: int, image: dict) -> bool:
        rules = self.key_filter
        return (frame_id % self.interval == 0
                and image.get('is_vid_train_frame', True)
                and min(image['height'], image['width']) >= rules['min_size']
                and (has_target(image) or not rules['filter_empty_gt']))

    def filter_data(self) -> List[dict]:
        """Return the list: key frames were filtered when it was made.

        Raises:
            ValueError: If there is no key frame.
        """
        if not self.data_list:
            raise ValueError(
                f'{self.videos.ann_file}: no key frame left; check '
                f'filter_cfg {self.key_filter} and key_img_sampler')
        return self.data_list

    def prepare_data(self, idx: Index) -> Any:
        """Run the pipeline on what an index names.

        Args:
            idx (int | tuple): Key frame, or ``(video, start, stop)``.
        """
        if isinstance(idx, (tuple, list)):
            number, start, stop = idx
            video = self.videos.get_data_info(number)
            return self._run(video, range(start, stop), self._broadcasts)
        info = self.get_data_info(idx)
        video = self.videos.get_data_info(info['video'])
        if self.ref_img_sampler is None:
            return self._run(video, [info['frame_id']], self._broadcasts)
        references = draw_reference_frames(info['frame_id'],
                                           info['video_length'],
                                           **self.ref_img_sampler)
        return self._run(video, [info['frame_id'], *references], True)

    @property
    def _broadcasts(self) -> bool:
        return any(
            isinstance(step, TransformBroadcaster)
            for step in self.pipeline.transforms)

    def _run(self, video: dict, frames: Sequence[int], as_lists: bool) -> Any:
        lists = collate_frames(video, frames)
        shared = dict(_UNCHANGED, is_video_data=self.load_as_video)
        lists.update({key: [v] * len(frames) for key, v in shared.items()})
        if as_lists:
            return self.pipeline(lists)
        parts = [
            self.pipeline({
                key: values[t]
                for key, values in lists.items()
            }) for t in range(len(frames))
        ]
        return parts[0] if len(parts) == 1 else _join(parts)


class StillImages(CocoPseudoVideoDataset):
    """Every image of a COCO file is a video of one frame.

    Categories belong to the class of the same name; others are left out.

    Args:
        **kwargs: Arguments of :class:`CocoPseudoVideoDataset` but
            ``class_map`` and ``clip_length``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, class_map={}, clip_length=1, **kwargs)

    def _check_names(self, categories: List[dict]) -> None:
        classes = self._metainfo.get('classes') or [
            category['name'] for category in categories
        ]
        names = {normalise_name(name) for name in classes}
        self.class_map = {
            category['id']: category['name']
            for category in categories
            if normalise_name(category['name']) in names
        }
        super()._check_names(categories)


def takes_key_frames(source: Type[VideoSegDataset]) -> Callable:
    """Let a dataset of videos take the arguments of mmtrack's datasets.

    Args:
        source (type): The class.

    Returns:
        Callable: Builds the dataset as it is or, with ``load_as_video``,
        ``key_img_sampler`` or ``ref_img_sampler`` among its arguments, as a
        :class:`KeyFrameDataset`.
    """

    @functools.wraps(source, updated=())
    def build(*args, **kwargs) -> BaseDataset:
        if not any(key in kwargs for key in KEY_FRAME_ARGS):
            return source(*args, **kwargs)
        if not kwargs.get('load_as_video', True):
            raise ValueError(
                f'load_as_video=False of {source.__name__}, expected True; '
                "for still images use type='BaseVideoDataset' with "
                'metainfo=dict(CLASSES=...)')
        return KeyFrameDataset(source, *args, **kwargs)

    return build


def lower_case_keys(metainfo: Optional[dict]) -> dict:
    """Return metainfo under the names that mmdet >= 3.0 uses.

    Args:
        metainfo (dict, optional): With ``CLASSES`` and ``PALETTE``, or
            with lower-case keys already. One class may be a string.
    """
    metainfo = {key.lower(): v for key, v in (metainfo or {}).items()}
    classes = metainfo.get('classes')
    if isinstance(classes, str) and not osp.isfile(classes):
        metainfo['classes'] = (classes, )
    return metainfo


def _resolve(filter_cfg: Optional[dict]) -> dict:
    known = dict(filter_empty_gt=True, min_size=32)
    unknown = sorted(set(filter_cfg or ()) - set(known))
    if unknown:
        raise KeyError(f'filter_cfg has unknown keys {unknown}, expected '
                       f'some of {sorted(known)}')
    return {**known, **(filter_cfg or {})}


def _join(parts: List[dict]) -> dict:
    """Join packed frames to one packed clip."""
    clip = TrackDataSample()
    clip.video_data_samples = [
        frame for part in parts for frame in part['data_samples']
    ]
    return dict(
        inputs=torch.cat([part['inputs'] for part in parts]),
        data_samples=clip)
