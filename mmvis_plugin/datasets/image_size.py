"""Size of an image file without its pixels."""
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
            turned = image.getexif().get(_ORIENTATION) in _TURNED
    except FileNotFoundError:
        raise FileNotFoundError(f'{path}: no such file') from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError,
            Image.DecompressionBombError):
        raise AnnotationError(f'{path}: cannot be read as an image; replace '
                              'the file') from None
    return (width, height) if turned else (height, width)
