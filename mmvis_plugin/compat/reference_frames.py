"""Draw the reference frames of a key frame as mmtrack 1.0 configs ask."""
from typing import List, Sequence, Tuple, Union

import numpy as np

METHODS = ('uniform', 'bilateral_uniform')


def draw_reference_frames(key: int,
                          length: int,
                          num_ref_imgs: int = 1,
                          frame_range: Union[int, Sequence[int]] = 9,
                          filter_key_img: bool = True,
                          method: str = 'uniform',
                          **unused) -> List[int]:
    """Draw frames around a key frame, without replacement.

    Args:
        key (int): Position of the key frame.
        length (int): Number of frames of the video.
        num_ref_imgs (int): Number of frames to draw. Defaults to 1.
        frame_range (int | Sequence[int]): Farthest distance to the key
            frame, or how far back (<= 0) and ahead (>= 0). Defaults to 9.
        filter_key_img (bool): Whether the key frame may not be drawn.
            Defaults to True.
        method (str): 'uniform' draws from the whole range,
            'bilateral_uniform' half of the frames from either side of the
            key frame. Defaults to 'uniform'.
        **unused: Keys that only the methods for tests read.

    Returns:
        list[int]: Positions, ascending.

    Raises:
        ValueError: If a value makes no sense.

    Differs from mmtrack: where a side has too few frames, frames are drawn
    again (at the ends of a video, the key frame), so that all clips of a
    batch have the same length.
    """
    if method not in METHODS:
        raise ValueError(
            f'method={method!r} of ref_img_sampler, expected one of '
            f'{METHODS}; methods for tests have no use here: online models '
            'see every frame of a video, set ref_img_sampler=None')
    back, ahead = _reach(frame_range)
    around = range(max(0, key + back), min(length - 1, key + ahead) + 1)
    if method == 'uniform':
        return sorted(_draw(around, num_ref_imgs, key, filter_key_img))
    if num_ref_imgs % 2:
        raise ValueError(f'num_ref_imgs={num_ref_imgs} of ref_img_sampler, '
                         "expected an even number with 'bilateral_uniform'")
    sides = ([t for t in around if t <= key], [t for t in around if t >= key])
    return sorted(
        t for side in sides
        for t in _draw(side, num_ref_imgs // 2, key, filter_key_img))


def _reach(frame_range: Union[int, Sequence[int]]) -> Tuple[int, int]:
    reach = (-frame_range, frame_range) if isinstance(
        frame_range, int) else tuple(frame_range)
    if len(reach) != 2 or not reach[0] <= 0 <= reach[1]:
        raise ValueError(f'frame_range={frame_range} of ref_img_sampler, '
                         'expected a number >= 0 or [back <= 0, ahead >= 0]')
    return reach


def _draw(frames: Sequence[int], number: int, key: int,
          filter_key: bool) -> List[int]:
    choice = [t for t in frames if t != key or not filter_key] or [key]
    return np.random.choice(
        choice, number, replace=len(choice) < number).tolist()
