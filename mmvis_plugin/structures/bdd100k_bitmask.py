"""Labels of BDD100K segmentation tracking as pictures of four channels.

R is the category id, G holds the attributes, 256 B + A is the track id.
"""
import io
from typing import List, NamedTuple, Optional

import numpy as np
from mmengine.fileio import get
from PIL import Image

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.whole_file import write_whole
from .index_map import encode_index_map
from .rle_tracks import RLE

CROWD, IGNORED = 0b10, 0b01
_BIT_DEPTH = 24  # where a PNG file tells it


class BitmaskObject(NamedTuple):
    """One object of one picture.

    Args:
        track_id (int): 1...65535.
        category_id (int): 1...255; 0 where the picture has none.
        bits (int): Attributes: 8 truncated, 4 occluded, 2 crowd, 1 ignored.
        rle (dict): Compressed COCO code with text ``counts``.
    """
    track_id: int
    category_id: int
    bits: int
    rle: RLE


def read_bitmask(path: str, backend_args: Optional[dict] = None) -> np.ndarray:
    """Read a bitmask file.

    Args:
        path (str): A PNG file, RGBA, 8 bit.
        backend_args (dict, optional): Arguments of the file backend.

    Returns:
        np.ndarray: uint8; channels in the order R, G, B, A.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no such picture.

    Shape:
        Output: (H, W, 4).
    """
    return decode_bitmask(get(path, backend_args=backend_args), path)


def decode_bitmask(content: bytes, name: str) -> np.ndarray:
    """Decode the bytes of a bitmask file.

    Args:
        content (bytes): What :func:`read_bitmask` finds in a file.
        name (str): What messages call the picture.

    Returns:
        np.ndarray: uint8; channels in the order R, G, B, A.

    Raises:
        AnnotationError: If it is no such picture.

    Shape:
        Output: (H, W, 4).
    """
    try:
        # the checksums are not looked at otherwise
        Image.open(io.BytesIO(content), formats=['PNG']).verify()
        image = Image.open(io.BytesIO(content), formats=['PNG'])
        mode, depth = image.mode, content[_BIT_DEPTH]
        if mode == 'RGBA' and depth == 8:
            return np.array(image)
    except Exception as error:  # Pillow has many for broken files
        raise AnnotationError(
            f'{name}: cannot be read as a PNG picture '
            f'({type(error).__name__}, {len(content)} bytes); restore the '
            'file') from None
    raise AnnotationError(
        f'{name}: PNG of mode {mode} with {depth} bit, expected RGBA with 8 '
        'bit (R category, G attributes, 256 B + A track id)')


def encode_bitmask(image: np.ndarray) -> bytes:
    """Return the bytes of a bitmask file, see :func:`decode_bitmask`.

    Args:
        image (np.ndarray): uint8; channels in the order R, G, B, A.

    Shape:
        image: (H, W, 4).
    """
    stream = io.BytesIO()
    # long runs of one colour: a higher level takes longer and gains little
    Image.fromarray(image).save(stream, 'PNG', compress_level=1)
    return stream.getvalue()


def write_bitmask(path: str, image: np.ndarray) -> None:
    """Write a bitmask file, which appears only when it is complete.

    Args:
        path (str): The file; its folder is made.
        image (np.ndarray): uint8; channels in the order R, G, B, A.

    Shape:
        image: (H, W, 4).
    """
    write_whole(path, encode_bitmask(image))


def bitmask_objects(image: np.ndarray, name: str) -> List[BitmaskObject]:
    """Return the objects of a picture.

    Pixels with track id 0 are background, whatever their category.

    Args:
        image (np.ndarray): uint8; channels in the order R, G, B, A.
        name (str): What messages call the picture.

    Returns:
        list[BitmaskObject]: Ascending by track id.

    Raises:
        AnnotationError: If a track has two categories or attributes.

    Shape:
        image: (H, W, 4).
    """
    packed = np.ascontiguousarray(image).view('>u4')[..., 0].astype(np.uint32)
    # the track id first, so that objects come in its order
    keys = ((packed & 0xffff) << 16) | (packed >> 16)
    keys[(packed & 0xffff) == 0] = 0
    keys, rles = encode_index_map(keys)
    ids = keys >> 16
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    if len(twice):
        pairs = [(int(key >> 8 & 255), int(key & 255))
                 for key in keys[ids == ids[twice[0]]]]
        raise AnnotationError(
            f'{name}: track {ids[twice[0]]} has {len(pairs)} pairs of '
            f'category and attributes (R, G): {pairs[:5]}, expected one')
    return [
        BitmaskObject(
            int(key) >> 16,
            int(key) >> 8 & 255,
            int(key) & 255, rle) for key, rle in zip(keys, rles)
    ]
