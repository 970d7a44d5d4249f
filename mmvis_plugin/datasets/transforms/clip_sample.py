"""Draw the frames of a training clip."""
from typing import List, Optional

import numpy as np
from mmcv.transforms import BaseTransform

from mmvis_plugin.registry import TRANSFORMS
from ..frame_collate import collate_frames
from ..video_filters import has_target


@TRANSFORMS.register_module()
class ClipSample(BaseTransform):
    """Draw a clip from the record of a video.

    ``mode='ref'`` draws a reference frame uniformly, then the others without
    replacement from the frames around it, with replacement only where there
    are too few. ``mode='dense'`` draws a run of consecutive frames, its start
    uniform over all valid starts. Videos shorter than the clip repeat frames.
    Frames keep their temporal order unless reversed or shuffled.

    A clip without any object to learn from is drawn again; if that never
    helps, the result is None and the dataset goes on to its next video.

    Args:
        num_frames (int): Frames per clip. Defaults to 3.
        frame_range (int, optional): Largest distance to the reference frame,
            in frames of the data set; None for the whole video. Only for
            ``mode='ref'``. Defaults to None.
        mode (str): 'ref' or 'dense'. Defaults to 'ref'.
        reverse_prob (float): Probability of time reversal. Defaults to 0.
        shuffle (bool): Whether frames lose their order. Defaults to False.
        max_redraws (int): Draws before a video is given up. Defaults to 10.
        share_object (bool): Whether each frame of the clip must show an
            object of the reference frame. Only for ``mode='ref'``. Defaults
            to False.

    Differs from ``UniformRefFrameSample`` of mmdet: dense runs, redraws, and
    an extra frame is only repeated if the range is too small.
    """

    def __init__(self,
                 num_frames: int = 3,
                 frame_range: Optional[int] = None,
                 mode: str = 'ref',
                 reverse_prob: float = 0.,
                 shuffle: bool = False,
                 max_redraws: int = 10,
                 share_object: bool = False) -> None:
        if num_frames < 1:
            raise ValueError(f'num_frames={num_frames} of ClipSample, '
                             'expected at least 1')
        if mode not in ('ref', 'dense'):
            raise ValueError(f"mode={mode!r} of ClipSample, expected 'ref' "
                             "or 'dense'")
        if frame_range is not None and (mode == 'dense' or frame_range < 0):
            raise ValueError(
                f'frame_range={frame_range} of ClipSample, expected None or '
                "a number >= 0 with mode='ref'")
        if share_object and mode == 'dense':
            raise ValueError("share_object=True of ClipSample, expected it "
                             "with mode='ref' only")
        self.num_frames = num_frames
        self.frame_range = frame_range
        self.mode = mode
        self.reverse_prob = reverse_prob
        self.shuffle = shuffle
        self.max_redraws = max_redraws
        self.share_object = share_object

    def transform(self, results: dict) -> Optional[dict]:
        """Return the per-frame lists of a drawn clip, or None.

        Args:
            results (dict): Record of a video; ``key_frame_id``, if there,
                is a position in ``images`` that the clip must hold.
        """
        images = results['images']
        targets = np.array([has_target(image) for image in images])
        if not targets.any():
            return None
        for _ in range(max(1, self.max_redraws)):
            key = results.get('key_frame_id')
            if key is None and self.mode == 'ref':
                key = np.random.randint(len(images))
            indices = (
                self._around(key, len(images))
                if self.mode == 'ref' else self._run(key, len(images)))
            if targets[indices].any() and self._is_shared(
                    images, indices, key):
                return self._collate(results, indices, key)
        return None

    def _is_shared(self, images: List[dict], indices: List[int],
                   key: Optional[int]) -> bool:
        if not self.share_object:
            return True
        shown = [{
            obj['instance_id']
            for obj in images[i]['instances'] if not obj['ignore_flag']
        } for i in [key, *indices]]
        return all(shown[0] & ids for ids in shown[1:])

    def _around(self, key: int, length: int) -> List[int]:
        reach = length if self.frame_range is None else self.frame_range
        others = [
            i
            for i in range(max(0, key - reach), min(length, key + reach + 1))
            if i != key
        ] or [key]
        number = self.num_frames - 1
        drawn = np.random.choice(others, number, replace=len(others) < number)
        return sorted([key, *drawn.tolist()])

    def _run(self, key: Optional[int], length: int) -> List[int]:
        last_start = max(0, length - self.num_frames)
        first, last = 0, last_start
        if key is not None:
            first = min(max(0, key - self.num_frames + 1), last_start)
            last = min(key, last_start)
        start = np.random.randint(first, last + 1)
        return [min(start + i, length - 1) for i in range(self.num_frames)]

    def _collate(self, video: dict, indices: List[int],
                 key: Optional[int]) -> dict:
        if self.reverse_prob and np.random.rand() < self.reverse_prob:
            indices = indices[::-1]
        if self.shuffle:
            indices = np.random.permutation(indices).tolist()
        results = collate_frames(video, indices)
        if key is not None:
            flags = [False] * len(indices)
            flags[indices.index(key)] = True
            results['key_frame_flags'] = flags
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_frames={self.num_frames}, '
                f'frame_range={self.frame_range}, mode={self.mode!r}, '
                f'reverse_prob={self.reverse_prob}, shuffle={self.shuffle}, '
                f'max_redraws={self.max_redraws}, '
                f'share_object={self.share_object})')
