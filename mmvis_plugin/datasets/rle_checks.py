"""Checks of run-length masks before pycocotools, which trusts its input.

Everything here raises plain ``ValueError`` with the finding alone; the
caller knows the file and the record and adds them.
"""
import reprlib
from typing import List, Sequence, Union

import numpy as np
from pycocotools import mask as mask_utils

# Six payload bits of a compressed run are written as chr(48 + bits).
_FIRST_CHAR, _LAST_CHAR = 48, 111
_PAYLOAD, _MORE, _SIGN = 0x1f, 0x20, 0x10
_MAX_CHARS_PER_RUN = 7
_MAX_RUN = 2**32 - 1


def run_lengths(counts: Union[str, bytes, Sequence[int]]) -> np.ndarray:
    """Return the runs of an RLE, decoded without pycocotools.

    Args:
        counts (str | bytes | Sequence[int]): ``counts`` of a COCO RLE,
            compressed or as a list.

    Shape:
        output: ``(R, )`` int64, background run first.

    Raises:
        ValueError: If ``counts`` cannot be decoded, or a run is negative, no
            integer or of more than 32 bits.
    """
    if isinstance(counts, (str, bytes)):
        runs = _decode_counts(counts)
    elif isinstance(counts, (list, tuple)):
        try:
            runs = np.asarray(counts) if counts else np.zeros(0, np.int64)
        except ValueError:  # lists of unequal length
            runs = np.zeros(0, object)
        if runs.ndim != 1 or not np.issubdtype(runs.dtype, np.integer):
            raise ValueError('RLE counts hold a value that is no integer')
    else:
        raise ValueError('RLE counts are of type '
                         f'{type(counts).__name__}, expected list or str')
    if runs.size and runs.min() < 0:
        raise ValueError(f'RLE counts hold a negative run {runs.min()}')
    if runs.size and runs.max() > _MAX_RUN:
        # the sum could turn over, and pycocotools keeps 32 bits
        raise ValueError(f'RLE counts hold a run of {runs.max()} pixels, '
                         'more than a mask has')
    return runs.astype(np.int64, copy=False)


def _decode_counts(counts: Union[str, bytes]) -> np.ndarray:
    if isinstance(counts, str):
        # what is not ASCII becomes bytes above the code
        counts = counts.encode('utf-8', 'surrogatepass')
    chars = np.frombuffer(counts, dtype=np.uint8).astype(np.int64)
    if chars.size == 0:
        return np.zeros(0, dtype=np.int64)
    if chars.min() < _FIRST_CHAR or chars.max() > _LAST_CHAR:
        raise ValueError('compressed RLE counts are not decodable '
                         '(a character outside the code)')
    bits = chars - _FIRST_CHAR
    is_last = (bits & _MORE) == 0
    if not is_last[-1]:
        raise ValueError('compressed RLE counts are cut off')
    last = np.flatnonzero(is_last)
    first = np.concatenate(([0], last[:-1] + 1))
    lengths = last - first + 1
    if lengths.max() > _MAX_CHARS_PER_RUN:
        raise ValueError('compressed RLE counts are not decodable '
                         '(a run is too long)')
    position = np.arange(chars.size) - np.repeat(first, lengths)
    values = np.add.reduceat((bits & _PAYLOAD) << (5 * position), first)
    values -= ((bits[last] & _SIGN) != 0) * (np.int64(1) << (5 * lengths))
    # From the fourth run on, the code stores the difference to the run of
    # the same colour before it. The very first run takes no part in that.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def check_rle_size(rle: dict, height: int, width: int) -> None:
    """Raise if ``rle['size']`` is not ``[height, width]``.

    Args:
        rle (dict): A COCO RLE.
        height (int): Height of the video, pixels.
        width (int): Width of the video, pixels.

    Raises:
        ValueError: If the key is missing or the sizes differ.
    """
    if 'size' not in rle or 'counts' not in rle:
        raise ValueError("RLE lacks 'size' or 'counts'")
    size = rle['size']
    if not isinstance(size, (list, tuple)) or list(size) != [height, width]:
        raise ValueError(
            f'RLE size {reprlib.repr(size)}, expected the video size '
            f'{[height, width]} (height, width)')


def compress_rle(rle: dict) -> dict:
    """Return a checked RLE with compressed ``counts`` of type str.

    Args:
        rle (dict): COCO RLE, ``counts`` as list, str or bytes.

    Returns:
        dict: ``size`` as list of two ints and ``counts`` as str.

    Raises:
        ValueError: If the counts cannot be decoded, or do not add up to
            height x width.
    """
    height, width = rle['size']
    if not isinstance(height, int) or not isinstance(width, int):
        raise ValueError(f'RLE size {rle["size"]}, expected two integers')
    counts = rle['counts']
    runs = run_lengths(counts)
    total = int(runs.sum())
    if total != height * width:
        raise ValueError(f'RLE counts add up to {total} pixels, expected '
                         f'{height} x {width} = {height * width}')
    if isinstance(counts, (list, tuple)):
        counts = mask_utils.frPyObjects(
            dict(size=[height, width], counts=list(counts)), height,
            width)['counts']
    if isinstance(counts, bytes):
        counts = counts.decode('ascii')
    return dict(size=[height, width], counts=counts)


def compress_rle_hook(record: dict) -> dict:
    """``object_hook`` of the JSON decoder: shrink list-RLEs as they appear.

    The lists of a big file would otherwise all be alive at once. A broken
    RLE passes unchanged: the reader meets it again, with its record at hand.

    Args:
        record (dict): Any JSON object.

    Returns:
        dict: The compressed RLE, or ``record`` itself.
    """
    if isinstance(record.get('counts'), list) and 'size' in record:
        try:
            return compress_rle(record)
        except (TypeError, ValueError, OverflowError):
            return record
    return record


def polygons_to_rle(polygons: List[List[float]], height: int,
                    width: int) -> dict:
    """Rasterise the polygons of one object.

    Args:
        polygons (list[list[float]]): Valid polygons, x and y in turn.
        height (int): Height of the frame, pixels.
        width (int): Width of the frame, pixels.

    Returns:
        dict: Compressed RLE with ``counts`` of type str.
    """
    parts = mask_utils.frPyObjects(polygons, height, width)
    rle = mask_utils.merge(parts)
    return dict(size=[height, width], counts=rle['counts'].decode('ascii'))
