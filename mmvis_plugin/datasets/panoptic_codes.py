"""Panoptic maps with small numbers, which every transform can handle.

The code of a segment is its position in the list of its frame, 255 is void.
Transforms fill a ``gt_seg_map`` with 255 and sample it at the nearest pixel,
so codes pass through them as the labels of a semantic map do.
"""
from typing import Sequence

import numpy as np

VOID_CODE = 255
_NARROW = 255


def segment_codes(num_segments: int) -> np.ndarray:
    """Return the codes of the segments of a frame, leaving out the void.

    Args:
        num_segments (int): Number of segments.

    Shape:
        output: ``(num_segments, )`` int64.
    """
    codes = np.arange(num_segments)
    codes[VOID_CODE:] += 1
    return codes


def encode_codes(ids: np.ndarray, segment_ids: Sequence[int]) -> np.ndarray:
    """Replace segment ids by codes.

    Args:
        ids (np.ndarray): Ids in [0, 2**24); those not listed become void.
        segment_ids (Sequence[int]): Ids in the order of their codes.

    Returns:
        np.ndarray: uint8, or int16 for more than 255 segments.

    Shape:
        ids, output: ``(H, W)``.
    """
    narrow = len(segment_ids) <= _NARROW
    top = max([int(ids.max(initial=0)), *segment_ids])
    table = np.full(top + 1, VOID_CODE, dtype=np.uint8 if narrow else np.int16)
    table[list(segment_ids)] = segment_codes(len(segment_ids))
    return table[ids]


def decode_codes(codes: np.ndarray, values: Sequence[int], void: int,
                 dtype: type) -> np.ndarray:
    """Replace codes by a value of each segment.

    Args:
        codes (np.ndarray): Result of :func:`encode_codes`.
        values (Sequence[int]): Value of each segment, e.g. its id or label.
        void (int): Value of what has no segment.
        dtype (type): Of the result.

    Shape:
        codes, output: ``(H, W)``.
    """
    table = np.full(max(VOID_CODE, len(values)) + 1, void, dtype=dtype)
    table[segment_codes(len(values))] = values
    return table[codes]


def code_masks(codes: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    """Return the masks of some codes; their pixels are written, no others.

    Args:
        codes (np.ndarray): Result of :func:`encode_codes`.
        wanted (Sequence[int]): N distinct codes.

    Shape:
        codes: ``(H, W)``; output: ``(N, H, W)`` uint8.
    """
    row_of = np.full(max([int(codes.max(initial=0)), *wanted]) + 1, -1)
    row_of[list(wanted)] = np.arange(len(wanted))
    pixels = np.flatnonzero((row_of >= 0)[codes])
    rows = row_of[codes.ravel()[pixels]]
    masks = np.zeros((len(wanted), *codes.shape), dtype=np.uint8)
    masks.reshape(-1)[rows * codes.size + pixels] = 1
    return masks
