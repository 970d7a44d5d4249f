"""Draw clips of a data set as strips of frames with their annotations."""
import argparse
import os.path as osp
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
from mmdet.structures import DetDataSample
from mmengine.config import DictAction
from mmengine.registry import init_default_scope

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.datasets.transforms import (LoadSyntheticFrames,
                                              LoadVideoFrame)
from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.seeding import derive_seed, seed_process
from mmvis_plugin.visualization import (FrameStrip, VideoVisualizer, text,
                                        write_image)
from mmvis_plugin.visualization.ground_truth import instance_ids

_SPLITS = ('train', 'val', 'test')
# They describe a frame before its augmentation.
_RAW_KEYS = ('instances', 'seg_map_path')
_TITLE_SIZE = 13


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=f'{__doc__} Of the training data, clips are drawn as the '
        'model gets them, augmentation and all; of the others, the frames as '
        'they are on disk. Ignored objects are hatched.')
    parser.add_argument('config', help='config of a training or a test')
    parser.add_argument('--split', choices=_SPLITS, default='train')
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        '--index', type=int, nargs='+', help='videos by their position')
    which.add_argument(
        '--num',
        type=int,
        default=8,
        help='that many videos, evenly spread over the data; 0 for all '
        '(default: 8)')
    parser.add_argument(
        '--out',
        '--output-dir',
        help='folder of the pictures (default: '
        'work_dirs/<name of the config>/browse)')
    parser.add_argument(
        '--frames', type=int, default=4, help='most frames of a strip')
    parser.add_argument(
        '--width', type=int, default=480, help='largest width of a frame')
    parser.add_argument(
        '--format',
        choices=['png', 'jpg'],
        default='png',
        help='of the pictures; jpg is lossy and small')
    parser.add_argument(
        '--seed', type=int, default=0, help='of clips and augmentation')
    for name, options in (('--not-show', dict(action='store_true')),
                          ('--show-interval', dict(type=float))):
        parser.add_argument(
            name,
            help='accepted for the sake of mmdet: windows are never opened',
            **options)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, key="[a,b]" or key=a,b; for '
        'example train_dataloader.dataset.data_root=DIR')
    return parser.parse_args()


@dataclass
class Clip:
    """Frames to be drawn and what is said about them.

    Args:
        name (str): Name of the video.
        num_frames (int): Frames of the clip or the video.
        frames (list): Per drawn frame its RGB image and its sample.
        ignored (dict): Whether an object, by its id, is ignored in all
            frames.
        dropped (int, optional): Objects that the pipeline lost; None if that
            is not known.
    """
    name: str
    num_frames: int
    frames: List[Tuple[np.ndarray, DetDataSample]]
    ignored: Dict[int, bool] = field(default_factory=dict)
    dropped: Optional[int] = 0

    @property
    def summary(self) -> str:
        """str: Numbers of frames and objects."""
        num_ignored = sum(self.ignored.values())
        parts = [
            _count(self.num_frames, 'frame'),
            _count(len(self.ignored) - num_ignored,
                   'object'), f'{num_ignored} ignored',
            f'{"?" if self.dropped is None else self.dropped} dropped'
        ]
        if not any(s.get('has_ann', True) for _, s in self.frames):
            parts[1:] = ['no annotations']
        return ', '.join(parts)


def _count(number: int, thing: str) -> str:
    return f'{number} {thing}' if number == 1 else f'{number} {thing}s'


def training_clip(dataset: Any, index: int, seed: int) -> Clip:
    """Return what the model gets for an index of the training data.

    Args:
        dataset (BaseDataset): Of videos or of images.
        index (int): Position in the data set.
        seed (int): The same seed gives the same clip, whatever was drawn
            before.
    """
    seed_process(derive_seed(seed, index))
    data = dataset[index]
    inputs, samples = data['inputs'], data['data_samples']
    if inputs.ndim == 3:  # an image
        inputs, samples = inputs[None], [samples]
    found, given, frames = [], [], []
    for pixels, sample in zip(inputs, samples):
        image = pixels.permute(1, 2, 0).numpy()[..., ::-1]
        found += _packed_objects(sample)
        given += _known_objects([sample.metainfo])
        frames.append((image, _as_drawn(sample, image.shape[:2])))
    meta = samples[0].metainfo
    lost = set(dict(given)) - set(dict(found))
    return Clip(
        _name_of(meta), len(frames), frames, _ignored(found),
        len(lost) if 'instances' in meta else None)


def _as_drawn(sample: DetDataSample, size: Sequence[int]) -> DetDataSample:
    """Return a sample without what describes the frame on disk."""
    meta = {k: v for k, v in sample.metainfo.items() if k not in _RAW_KEYS}
    drawn = DetDataSample(metainfo={**meta, 'img_shape': tuple(size)})
    for key, value in sample.items():
        setattr(drawn, key, value)
    return drawn


def raw_clip(dataset: Any, index: int, num: int) -> Clip:
    """Return frames of a video as they are on disk.

    Args:
        dataset (BaseDataset): Of videos or of images.
        index (int): Position in the data set.
        num (int): Most frames; annotated ones are preferred.
    """
    video = dataset.get_data_info(index)
    images = video.get('images', [video])
    annotated = [i for i in images if i.get('has_ann', True)] or images
    at = np.linspace(0, len(annotated) - 1, min(num, len(annotated)))
    shared = {
        key: video[key]
        for key in ('video_id', 'video_name') if key in video
    }
    frames = []
    for image in (annotated[i] for i in at.round().astype(int)):
        pixels = _read(dict(image, **shared), dataset)
        meta = dict(image, **shared, ori_shape=pixels.shape[:2])
        frames.append((pixels, DetDataSample(metainfo=meta)))
    return Clip(
        _name_of(dict(images[0], **shared)), len(images), frames,
        _ignored(_known_objects(images)))


def _read(image: dict, dataset: Any) -> np.ndarray:
    """Return the pixels of a record, RGB."""
    if 'synth_source' in image:
        loader = LoadSyntheticFrames()
    else:
        backend_args = getattr(dataset, 'backend_args', None)
        loader = LoadVideoFrame(backend_args=backend_args)
    return loader(image)['img'][..., ::-1]


def _known_objects(images: Iterable[dict]) -> List[Tuple[int, bool]]:
    """List the objects of records: id, and whether it is ignored."""
    objects = []
    for image in images:
        for row, item in enumerate(image.get('instances') or ()):
            flag = bool(item.get('ignore_flag'))
            objects.append((item.get('instance_id', row), flag))
        for item in image.get('segments_info') or ():
            flag = bool(item.get('iscrowd') or item.get('ignore_flag'))
            if item['is_thing']:
                objects.append((item['instance_id'], flag))
    return objects


def _packed_objects(sample: DetDataSample) -> List[Tuple[int, bool]]:
    """List the objects that a pipeline packed."""
    objects = []
    for key, ignored in (('gt_instances', False), ('ignored_instances', True)):
        part = sample.get(key)
        if part is None or len(part) == 0:
            continue
        ids = instance_ids(part)
        if (ids < 0).all():  # images have no identities
            ids = np.arange(len(ids)) + len(objects)
        objects += [(i, ignored) for i in ids.tolist()]
    return objects


def _ignored(objects: Sequence[Tuple[int, bool]]) -> Dict[int, bool]:
    """Tell of each id whether it is ignored wherever it appears."""
    result: Dict[int, bool] = {}
    for i, flag in objects:
        result[i] = result.get(i, True) and flag
    return result


def _name_of(meta: dict) -> str:
    path = meta.get('file_name') or meta.get('img_path') or 'clip'
    return str(meta.get('video_name') or osp.splitext(osp.basename(path))[0])


def draw_strip(clip: Clip, visualizer: VideoVisualizer, num: int, width: int,
               title: str) -> np.ndarray:
    """Draw a clip.

    Args:
        clip (Clip): The clip.
        visualizer (VideoVisualizer): Draws its frames.
        num (int): Most frames of the strip.
        width (int): Largest width of a frame.
        title (str): Line above the strip.

    Returns:
        np.ndarray: ``(h, w, 3)`` uint8 RGB.
    """
    visualizer.reset()
    strip = FrameStrip(num, max_width=width)
    for image, sample in clip.frames:
        drawn = visualizer.overlay(
            image, sample, draw_gt=True, draw_pred=False)
        strip.add(text.with_title(drawn, _frame_title(sample), _TITLE_SIZE))
    return text.with_title(strip.image(), title, _TITLE_SIZE)


def _frame_title(sample: DetDataSample) -> str:
    frame, source = sample.get('frame_id'), sample.get('src_frame')
    words = ['image' if frame is None else f'frame {frame}']
    if source is not None and source != frame:
        words.append(f'(source {source})')
    if sample.get('flip'):
        words.append(f'flipped {sample.get("flip_direction") or ""}'.strip())
    if not sample.get('has_ann', True):
        words.append('not annotated')
    return ' '.join(words)


def pick_indices(args: argparse.Namespace, length: int) -> List[int]:
    """Return the positions that the options ask for.

    Args:
        args (argparse.Namespace): With ``index``, ``num``, ``split`` and
            ``config``.
        length (int): Number of videos.
    """
    if length == 0:
        raise UsageError(f'{args.config}: the {args.split} data are empty, '
                         'expected at least one video; check ann_file and '
                         'filter_cfg')
    if args.index is None:
        if args.num < 0:
            raise UsageError(f'--num {args.num}: expected 0 or more')
        num = min(args.num or length, length)
        at = np.linspace(0, length - 1, num).round().astype(int)
        return np.unique(at).tolist()
    for index in args.index:
        if not 0 <= index < length:
            raise UsageError(
                f'--index {index}: the {args.split} data of {args.config} '
                f'have {length} videos, expected 0 to {length - 1}')
    return args.index


def build_dataset(args: argparse.Namespace) -> Any:
    """Build the data set of the wanted split.

    Args:
        args (argparse.Namespace): With ``config``, ``cfg_options`` and
            ``split``.
    """
    cfg = read_config(args.config, args.cfg_options)
    loader = cfg.get(f'{args.split}_dataloader')
    if loader is None:
        there = [s for s in _SPLITS if cfg.get(f'{s}_dataloader') is not None]
        raise UsageError(
            f'{args.config}: there is no {args.split}_dataloader, expected '
            f'one for --split {args.split}; the config has {there}')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    return DATASETS.build(loader['dataset'])


def run(args: argparse.Namespace) -> None:
    """Draw strips and print one line about each.

    Args:
        args (argparse.Namespace): The options.
    """
    for name, least in (('frames', 1), ('width', 32)):
        if getattr(args, name) < least:
            raise UsageError(f'--{name} {getattr(args, name)}: expected at '
                             f'least {least}')
    dataset = build_dataset(args)
    indices = pick_indices(args, len(dataset))
    stem = osp.splitext(osp.basename(args.config))[0]
    folder = args.out or osp.join('work_dirs', stem, 'browse')
    visualizer = VideoVisualizer(
        'browse_dataset',
        draw_bbox=True,
        draw_ignored=True,
        max_width=args.width)
    visualizer.dataset_meta = dataset.metainfo
    for index in indices:
        if args.split == 'train':
            clip = training_clip(dataset, index, args.seed)
        else:
            clip = raw_clip(dataset, index, args.frames)
        line = f'{args.split} {index}: {clip.name}: {clip.summary}'
        image = draw_strip(clip, visualizer, args.frames, args.width, line)
        # names of videos may hold folders
        safe = re.sub(r'[^\w.-]+', '_', clip.name).strip('.')[-80:]
        file = osp.join(folder,
                        f'{args.split}_{index:05d}_{safe}.{args.format}')
        write_image(file, image)
        print(f'{line} -> {file}')
    print(f'drew {len(indices)} of {len(dataset)} videos into {folder}')


@one_line_errors
def main() -> None:
    """Parse the options and run; wrong values end with one line."""
    run(parse_args())


if __name__ == '__main__':
    main()
