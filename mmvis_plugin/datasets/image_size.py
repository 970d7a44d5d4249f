"""Size of an image file, without its pixels, and of its record."""
from typing import Tuple

from PIL import Image, UnidentifiedImageError

from mmvis_plugin.utils.errors import AnnotationError

_ORIENTATION = 0x0112
# orientations of a camera that lay on its side
_TURNED = (5, 6, 7, 8)


def image_size(path: str) -> Tuple[int, int]:
    """Return (height, width) of a local image, as a decoder would show it.

    Args:
        path (str): The file.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # in a PNG it may stand behind the pixels, which are not read
            turned = image.format != 'PNG' and image.getexif().get(
                _ORIENTATION) in _TURNED
    except FileNotFoundError:
        raise FileNotFoundError(f'{path}: no such file') from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError,
            Image.DecompressionBombError):
        raise AnnotationError(f'{path}: cannot be read as an image; replace '
                              'the file') from None
    return (width, height) if turned else (height, width)


def frame_name(frame: dict) -> str:
    """Return how messages call a frame.

    Args:
        frame (dict): ``img_path`` and, of the record, ``video_name`` and
            ``frame_id``.
    """
    return (f'{frame["img_path"]} (video {frame.get("video_name")}, frame '
            f'{frame.get("frame_id")})')


def check_frame_size(found: Tuple[int, int], frame: dict) -> None:
    """Raise if an image does not have the size of its record.

    Args:
        found (tuple[int, int]): Height and width of the image.
        frame (dict): As for :func:`frame_name`, with ``height`` and
            ``width`` if they are known.

    Raises:
        AnnotationError: With both sizes.
    """
    expected = frame.get('height', found[0]), frame.get('width', found[1])
    if tuple(found) != expected:
        raise AnnotationError(
            f'{frame_name(frame)}: image size {tuple(found)}, expected '
            f'{expected} (height, width) as in the annotation file; frames '
            'of a video share one size')
