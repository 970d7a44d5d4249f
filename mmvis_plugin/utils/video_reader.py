"""Frames of a video file, a folder, a list, a camera or a stream."""
import os.path as osp
import re
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Tuple, Union

import cv2
import numpy as np
from mmengine.logging import print_log

from .errors import AnnotationError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')

Source = Union[str, Path, int, Iterable[Union[str, Path, np.ndarray]]]
_Named = Tuple[str, Optional[str], np.ndarray]  # name, file and pixels


def natural_key(name: Union[str, Path]) -> List[Tuple[int, int, str]]:
    """Sort key under which ``img_2`` comes before ``img_10``.

    Args:
        name (str | Path): A file name.

    Returns:
        list[tuple[int, int, str]]: One entry per run of digits or letters.
    """
    parts = re.findall(r'\d+|\D+', str(name))
    return [(0, int(part), '') if part.isdecimal() else (1, 0, part)
            for part in parts]


class VideoReader:
    """Iterate once over the frames of a video, one in memory at a time.

    Files are read forward only: seeking is not frame-exact on all codecs.

    Args:
        source (str | Path | int | Iterable): A video file, one image, a
            folder of images (natural order), a list or generator of image
            files or of ``(h, w, 3)`` uint8 BGR arrays, a camera number (also
            as a string), or a stream URL.
        max_frames (int, optional): Stop after so many frames. Defaults to
            None.

    Attributes:
        name (str): Short name of the source, fit for a file name.
        fps (float | None): Frame rate, where the source states one.
        num_frames (int | None): Number of frames, where it is known; of
            video files it is what the header says, which may be off.
        is_endless (bool): Whether the source never ends by itself, such as
            a camera.
        can_repeat (bool): Whether another reader of the same source would
            give the same frames.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        AnnotationError: If the source holds no frame or cannot be read; while
            iterating also if a frame cannot be decoded or changes its size.
    """

    def __init__(self,
                 source: Source,
                 max_frames: Optional[int] = None) -> None:
        if max_frames is not None and max_frames < 1:
            raise ValueError(f'max_frames must be >= 1, got {max_frames}')
        self.source = source
        self.max_frames = max_frames
        self.name = 'video'
        self.fps: Optional[float] = None
        self.num_frames: Optional[int] = None
        self.is_endless = False
        self.can_repeat = True
        self._capture: Optional[cv2.VideoCapture] = None
        self._images: Iterable = ()
        self._open(source)
        if None not in (max_frames, self.num_frames):
            self.num_frames = min(self.num_frames, max_frames)
        self.is_endless &= max_frames is None

    def _open(self, source: Source) -> None:
        if isinstance(source, int):
            return self._open_capture(source, f'camera{source}', live=True)
        if not isinstance(source, (str, Path)):
            return self._open_list(source)
        path = str(source)
        if '://' in path:
            name = re.sub(r'\W+', '_', path.split('://', 1)[1]).strip('_')
            return self._open_capture(path, name or 'stream', live=True)
        self.name = Path(osp.abspath(path)).stem
        if osp.isdir(path):
            return self._open_folder(path)
        if path.isdecimal() and not osp.exists(path):
            return self._open_capture(int(path), f'camera{path}', live=True)
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'{path}: no such file or folder; expected a video file, a '
                'folder of images, a camera number or a stream URL')
        if path.lower().endswith(IMAGE_SUFFIXES):
            return self._open_list([path])
        return self._open_capture(path, self.name, live=False)

    def _open_folder(self, path: str) -> None:
        names = [
            entry.name for entry in Path(path).iterdir()
            if entry.suffix.lower() in IMAGE_SUFFIXES
            and not entry.name.startswith('.')
        ]
        if not names:
            raise AnnotationError(
                f'{path}: the folder holds no image, expected frames as '
                f'{", ".join(IMAGE_SUFFIXES)}')
        self._open_list(
            [osp.join(path, name) for name in sorted(names, key=natural_key)])

    def _open_list(self, images: Iterable) -> None:
        if not hasattr(images, '__iter__'):
            raise AnnotationError(
                f'frames of type {type(images).__name__}, expected a video '
                'file, a folder, image files, arrays, a camera number or a '
                'URL')
        self.can_repeat = hasattr(images, '__len__')
        if self.can_repeat:
            self.num_frames = len(images)
            if self.num_frames == 0:
                raise AnnotationError(
                    'an empty list of frames, expected at least one')
        self._images = images

    def _open_capture(self, source: Union[str, int], name: str,
                      live: bool) -> None:
        self.name = name
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            kind = 'camera or stream' if live else 'video'
            raise AnnotationError(
                f'{source}: cannot be opened as a {kind}; check that it '
                'exists and that this build of OpenCV knows its format')
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else None
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.num_frames = count if count > 0 and not live else None
        self.is_endless = live and count <= 0
        self.can_repeat = not live

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield ``(h, w, 3)`` uint8 BGR frames."""
        for frame, _ in self.with_paths():
            yield frame

    def with_paths(self) -> Iterator[Tuple[np.ndarray, Optional[str]]]:
        """Yield frames and the image files that they come from, if any."""
        if self._capture is None:
            frames = self._read_images()
        else:
            frames = self._read_capture()
        size, index = None, -1
        for index, (name, path,
                    frame) in enumerate(islice(frames, self.max_frames)):
            size = size or frame.shape[:2]
            if frame.shape[:2] != size:
                raise AnnotationError(
                    f'{name}: the frame is {frame.shape[0]}x{frame.shape[1]} '
                    f'(h x w), expected {size[0]}x{size[1]} as the first '
                    'one: split the video where its size changes')
            yield frame, path
        if index < 0:
            raise AnnotationError(f'{self.source}: no frame could be read; '
                                  'the file is empty or its codec unknown')

    def _read_images(self) -> Iterator[_Named]:
        for index, item in enumerate(self._images):
            if isinstance(item, np.ndarray):
                yield f'{self.name}, frame {index}', None, item
            elif isinstance(item, (str, Path)):
                yield str(item), str(item), read_image(item)
            else:
                raise AnnotationError(
                    f'frame {index} is a {type(item).__name__}, expected an '
                    'image file or a uint8 array (h, w, 3) in BGR order')

    def _read_capture(self) -> Iterator[_Named]:
        index = 0
        try:
            while True:
                found, frame = self._capture.read()
                if not found:
                    break
                yield f'{self.source}, frame {index}', None, frame
                index += 1
        finally:
            self._capture.release()
        # headers are estimates, so a few frames less are no finding
        if self.num_frames and index < 0.9 * self.num_frames:
            print_log(
                f'{self.source}: the header says {self.num_frames} frames, '
                f'only {index} could be decoded: the file is cut or damaged',
                'current')


def read_image(path: Union[str, Path]) -> np.ndarray:
    """Read one image.

    Args:
        path (str | Path): Image file.

    Returns:
        np.ndarray: ``(h, w, 3)`` uint8 BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it cannot be decoded.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: no such image')
    # not cv2.imread: it cannot open every path on every system
    data = np.fromfile(path, dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise AnnotationError(
            f'{path}: cannot be decoded as an image ({data.size} bytes); '
            'replace the file or leave the frame out')
    return image
