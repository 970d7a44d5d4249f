"""Write frames as images."""
import os.path as osp
from pathlib import Path
from typing import Union

import cv2
import numpy as np

from mmvis_plugin.utils.whole_file import write_whole


def check_image_name(path: Union[str, Path]) -> None:
    """Refuse a name that no image can be written under.

    Args:
        path (str | Path): Name of an image file.

    Raises:
        ValueError: If no image format has that suffix.
    """
    suffix = osp.splitext(path)[1]
    if not suffix or not cv2.haveImageWriter(f'a{suffix}'):
        raise ValueError(f'{path}: no image format has the suffix '
                         f'{suffix!r}, use .png or .jpg')


def write_image(path: Union[str, Path], image: np.ndarray) -> None:
    """Write an image file, all or nothing; its folder is made.

    Args:
        path (str | Path): Target; the suffix picks the format.
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.

    Raises:
        ValueError: If no image format has that suffix.
    """
    check_image_name(path)
    _, data = cv2.imencode(osp.splitext(path)[1], image[..., ::-1])
    write_whole(str(path), data.tobytes())


class FrameFolder:
    """Write frames as ``00000.png``, ``00001.png``, ... into a folder.

    Used like :class:`VideoSink`.

    Args:
        path (str | Path): The folder; made when the first frame comes.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = str(path)
        if osp.exists(path) and not osp.isdir(path):
            raise ValueError(f'{path}: is a file, expected a folder for the '
                             'frames or a name that ends in .mp4')
        self.num_frames = 0

    def __enter__(self) -> 'FrameFolder':
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        self.close()

    def write(self, frame: np.ndarray) -> None:
        """Write the next frame.

        Args:
            frame (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        """
        write_image(osp.join(self.path, f'{self.num_frames:05d}.png'), frame)
        self.num_frames += 1

    def close(self) -> None:
        """Do nothing: every frame is complete when it is written."""
