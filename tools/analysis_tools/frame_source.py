"""Videos for tools that run a model: of a data set, a file, or of noise."""
import argparse
from itertools import count
from typing import Iterable, Iterator, NamedTuple, Optional, Tuple

import numpy as np
from mmengine.config import Config

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.cli import UsageError
from mmvis_plugin.utils.video_reader import VideoReader, read_image


class SourceFrame(NamedTuple):
    """A frame.

    Attributes:
        image (np.ndarray): ``(h, w, 3)`` uint8 BGR.
        path (str, optional): Its file.
    """
    image: np.ndarray
    path: Optional[str] = None


Video = Iterable[SourceFrame]


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where frames come from.

    Args:
        parser (argparse.ArgumentParser): Gets ``--dataset-type``,
            ``--input`` and ``--shape``.
    """
    parser.add_argument(
        '--dataset-type',
        choices=['train', 'val', 'test'],
        default='test',
        help='data of the config that frames are taken from (test)')
    parser.add_argument(
        '--input', help='a video file or a folder of frames instead')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='frames of noise of this size instead, without any data')


def dataset_cfg(cfg: Config, kind: str, name: str) -> dict:
    """Return the data set of a config.

    Args:
        cfg (Config): The config.
        kind (str): 'train', 'val' or 'test'.
        name (str): Of the config, for messages.

    Raises:
        UsageError: If there is none.
    """
    dataloader = cfg.get(f'{kind}_dataloader')
    if dataloader is None:
        raise UsageError(f'{name}: no {kind}_dataloader; choose another '
                         '--dataset-type, or --input, or --shape')
    return dataloader.dataset


def videos(cfg: Config, args: argparse.Namespace) -> Iterator[Video]:
    """Yield videos.

    Args:
        cfg (Config): With a data set, unless the options name frames.
        args (argparse.Namespace): With ``config`` and the options of
            :func:`add_source_arguments`.

    Yields:
        Iterable[SourceFrame]: Frames in order; noise has no end.
    """
    if args.shape is not None:
        yield noise(tuple(args.shape))
    elif args.input is not None:
        yield map(SourceFrame, VideoReader(args.input))
    else:
        dataset = DATASETS.build(
            dict(
                dataset_cfg(cfg, args.dataset_type, args.config),
                test_mode=True))
        for index in range(len(dataset)):
            images = dataset.get_data_info(index)['images']
            paths = [image.get('img_path') for image in images]
            if None in paths:
                raise UsageError(f'{args.config}: frames of this data set '
                                 'are no files; choose --input or --shape')
            yield (SourceFrame(read_image(path), path) for path in paths)


def noise(size: Tuple[int, int]) -> Iterator[SourceFrame]:
    """Yield blocks of colours that move by some pixels, without end.

    Args:
        size (tuple[int, int]): Height and width.
    """
    rng = np.random.default_rng(0)
    height, width = size
    small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    image = small.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
    for t in count():
        yield SourceFrame(np.roll(image, (t, 2 * t), (0, 1)))
