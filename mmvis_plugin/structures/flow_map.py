"""Optical flow as pictures."""
import os.path as osp
from typing import Tuple

import cv2
import numpy as np
from mmcv.video import sparse_flow_from_bytes
from mmengine.fileio import get

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.whole_file import write_whole

FLOW_STEP = 1 / 64
"""Distance in pixels between two values that a file can hold."""

_PNG = b'\x89PNG\r\n\x1a\n'
_BIT_DEPTH_AND_COLOR = bytes([16, 2])
_ZERO = 2**15
_LIMIT = _ZERO * FLOW_STEP


def flow_path(flow_root: str, source: str, target: str) -> str:
    """Return where the flow of a pair of frames is kept.

    Args:
        flow_root (str): Folder of all flow of a data set.
        source (str): Image that the flow starts from, relative to the
            folder of the data set.
        target (str): Image that it leads to.

    Returns:
        str: ``<flow_root>/<folder of source>/<source>_to_<target>.png``
        with both names without their suffix.

    Examples:
        >>> flow_path('flow', 'images/a/0001.jpg', 'images/a/0003.jpg')
        'flow/images/a/0001_to_0003.png'
    """
    stems = [osp.splitext(osp.basename(path))[0] for path in (source, target)]
    return osp.join(flow_root, osp.dirname(source),
                    f'{stems[0]}_to_{stems[1]}.png')


def read_flow(path: str) -> Tuple[np.ndarray, np.ndarray]:
    """Read flow in the form of KITTI.

    Args:
        path (str): A PNG of three channels of 16 bit: dx, dy (64 times the
            pixels, plus 2**15) and whether the flow is valid.

    Returns:
        Tuple[np.ndarray, np.ndarray]: Flow in pixels, to the right, then
        down, float32; whether it is valid, bool. What the file holds where
        it is not valid is returned as it is.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no such picture.

    Shape:
        Output: (2, H, W) and (H, W).
    """
    content = get(path)
    if content[:8] != _PNG or content[24:26] != _BIT_DEPTH_AND_COLOR:
        raise AnnotationError(
            f'{path}: no PNG of 3 channels of 16 bit, expected flow as KITTI '
            'keeps it (dx, dy, valid); write it with '
            'mmvis_plugin.structures.write_flow')
    try:
        flow, valid = sparse_flow_from_bytes(content)
    except TypeError:
        raise AnnotationError(f'{path}: cannot be read as an image; restore '
                              'or write the file again') from None
    flow = np.ascontiguousarray(flow.transpose(2, 0, 1), dtype=np.float32)
    return flow, valid > 0


def write_flow(path: str, flow: np.ndarray, valid: np.ndarray) -> None:
    """Write flow in the form of KITTI, to the nearest 64th of a pixel.

    The file appears only when it is complete.

    Args:
        path (str): The file, which should end in ``.png``; its folder is
            made.
        flow (np.ndarray): Pixels, to the right, then down. Where it is not
            valid, it is kept as far as it can be: NaN becomes 0, and what is
            too long is cut.
        valid (np.ndarray): Whether the flow is known.

    Raises:
        ValueError: If valid flow is not finite or not within -512 and 512
            pixels, or for arrays of another shape.

    Shape:
        flow: (2, H, W); valid: (H, W).
    """
    flow, valid = np.asarray(flow, dtype=np.float64), np.asarray(valid, bool)
    if valid.ndim != 2 or flow.shape != (2, *valid.shape) or not valid.size:
        raise ValueError(f'{path}: flow {flow.shape} and valid {valid.shape}, '
                         'expected (2, H, W) and (H, W)')
    bounded = np.nan_to_num(flow.clip(-2 * _LIMIT, 2 * _LIMIT))
    codes = np.floor(bounded / FLOW_STEP + 0.5) + _ZERO
    kept = np.isfinite(flow) & (codes >= 0) & (codes < 2 * _ZERO)
    num_bad = int((valid & ~kept.all(axis=0)).sum())
    if num_bad:
        raise ValueError(
            f'{path}: valid flow is NaN, infinite or outside of +-{_LIMIT:g} '
            f'pixels at {num_bad} of {valid.size} pixels; mark them as not '
            'valid')
    codes = codes.clip(0, 2 * _ZERO - 1).astype(np.uint16)
    # the encoder of OpenCV expects blue first
    picture = np.stack([valid.astype(np.uint16), codes[1], codes[0]], axis=-1)
    write_whole(path, cv2.imencode('.png', picture)[1].tobytes())
