"""Maps of segment ids as pictures."""
from typing import Optional

import cv2
import mmcv
import numpy as np
from mmengine.fileio import get

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.whole_file import write_whole

_PNG = b'\x89PNG\r\n\x1a\n'
_PALETTE = b'\x03'
_ID_LIMIT = 1 << 24
_FORMS = {
    3: '3 channels of 8 bit (id = R + 256 G + 65536 B)',
    1: '1 channel of ids'
}


def read_panoptic_map(path: str, channels: Optional[int] = None) -> np.ndarray:
    """Read a picture of segment ids.

    Args:
        path (str): A picture of three 8 bit channels, id = R + 256 G +
            65536 B, or of one channel of 8, 16 or 32 bit whose values are
            the ids.
        channels (int, optional): 1 or 3 if only that is right. None takes
            both. Defaults to None.

    Returns:
        np.ndarray: uint32 ids; 0 is void.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no such picture.

    Shape:
        Output: (H, W).
    """
    return decode_panoptic_map(get(path), path, channels)


def decode_panoptic_map(content: bytes,
                        name: str,
                        channels: Optional[int] = None) -> np.ndarray:
    """Decode a picture of segment ids.

    Args:
        content (bytes): What :func:`read_panoptic_map` finds in a file.
        name (str): What messages call the picture.
        channels (int, optional): 1 or 3 if only that is right. Defaults to
            None.

    Returns:
        np.ndarray: uint32 ids; 0 is void.

    Raises:
        AnnotationError: If it is no such picture.

    Shape:
        Output: (H, W).
    """
    if content[:8] == _PNG and content[25:26] == _PALETTE:
        raise AnnotationError(
            f'{name}: image with a palette (mode P), expected RGB or grey; '
            'convert it to the mode that it had as a map of ids')
    image = mmcv.imfrombytes(
        content, flag='unchanged', backend='cv2') if content else None
    if image is None:
        raise AnnotationError(f'{name}: cannot be read as an image; restore '
                              'or convert the file again')
    if image.ndim == 3 and image.shape[2] == 3 and channels != 1:
        if image.dtype == np.uint8:
            ids = image[..., 0].astype(np.uint32)
            for channel in (1, 2):
                ids <<= 8
                ids |= image[..., channel]
            return ids
    elif image.ndim == 2 and image.dtype.kind in 'iu' and channels != 3:
        if not (image < 0).any():
            return image.astype(np.uint32)
    expected = ' or '.join(text for number, text in _FORMS.items()
                           if channels in (None, number))
    raise AnnotationError(
        f'{name}: image of shape {image.shape} and type {image.dtype}, '
        f'expected {expected}; convert the data set first')


def write_panoptic_map(path: str, ids: np.ndarray) -> None:
    """Write segment ids as an RGB picture, id = R + 256 G + 65536 B.

    The file appears only when it is complete.

    Args:
        path (str): The file, which should end in ``.png``; its folder is
            made.
        ids (np.ndarray): Integers below 2**24; 0 is void.

    Raises:
        ValueError: If an id does not fit or ``ids`` is no map of integers.

    Shape:
        ids: (H, W).
    """
    write_whole(path, encode_panoptic_map(ids, path))


def encode_panoptic_map(ids: np.ndarray, name: str) -> bytes:
    """Encode segment ids as a PNG picture, id = R + 256 G + 65536 B.

    Args:
        ids (np.ndarray): Integers below 2**24; 0 is void.
        name (str): What messages call the picture.

    Returns:
        bytes: The PNG.

    Raises:
        ValueError: If an id does not fit or ``ids`` is no map of integers.

    Shape:
        ids: (H, W).
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in 'iu' or ids.size == 0:
        raise ValueError(f'{name}: ids of shape {ids.shape} and type '
                         f'{ids.dtype}, expected integers (H, W)')
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= _ID_LIMIT:
        raise ValueError(f'{name}: ids from {low} to {high}, expected 0 to '
                         f'{_ID_LIMIT - 1}; renumber the segments')
    # the encoder of OpenCV expects blue first
    channels = [(ids >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)]
    return cv2.imencode('.png', np.stack(channels, axis=-1))[1].tobytes()
