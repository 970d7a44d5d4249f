"""Search the options of a tracker without running its network again.

The network goes over the test data once and writes down, frame by frame, what
its association gets: detections and embeddings (PCAN, also without masks as
QDTrack), or things, embeddings and overlaps of moved masks (HybridTracker).
Then the association alone is run for every point of --grid and scored by the
metric of the config.

CAVIS and InsPro have no such options: their slots are the tracks.
"""
import argparse
import json
import math
import os.path as osp
from itertools import product
from typing import Any, Dict, Iterator, List, Type

import torch
from eval_metric import with_annotations
from frame_source import dataset_cfg
from mmengine.config import Config, DictAction
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from stopwatch import print_table
from torch import nn
from tracker_replay import Replay, replay_of

from mmvis_plugin.apis.inference import init_video_model
from mmvis_plugin.apis.video_stream import VideoStream
from mmvis_plugin.registry import DATASETS, METRICS
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, print_state,
                                    read_config)
from mmvis_plugin.utils.progress import FrameProgress
from mmvis_plugin.utils.video_reader import read_image
from mmvis_plugin.utils.whole_file import whole_file, write_whole

# what decides, by the prefix of the metric
MAIN_RESULTS = dict(
    mots='mots/mMOTSA',
    vis='vis/AP',
    boxtube='boxtube/AP',
    vpq='vpq/VPQ',
    stq='stq/STQ')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of PCAN or HybridTracker')
    parser.add_argument('--checkpoint', help='weights; random without')
    parser.add_argument(
        '--dump',
        required=True,
        metavar='FILE.pth',
        help='what the network found: written if it is not there, else read')
    parser.add_argument(
        '--grid',
        nargs='+',
        required=True,
        action=DictAction,
        help='values of options below "model", such as '
        'tracker.init_score_thr=0.5,0.7 tracker.match_metric=cosine,bisoftmax')
    parser.add_argument(
        '--metric',
        help='result that decides, the larger the better, such as mots/mIDF1; '
        'default: the main result of the metric of the config')
    parser.add_argument(
        '--out', metavar='FILE.json', help='all results of all points')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    return parser.parse_args()


def grid_points(grid: Dict[str, Any], replay: Type[Replay]) -> List[dict]:
    """Return all combinations of the values of a grid.

    Args:
        grid (dict): One value or a list of them by keys below ``model``.
        replay (type): Of the system.

    Returns:
        list[dict]: The first is empty: the config as it is.

    Raises:
        UsageError: For an option on which the network depends.
    """
    unknown = sorted(set(grid) - set(replay.options))
    if unknown:
        raise UsageError(
            f'--grid {unknown[0]}: no option that {replay.__name__[:-6]} can '
            f'search without its network, expected one of '
            f'{", ".join(replay.options)}')
    return [{}] + [
        dict(zip(grid, values)) for values in product(*as_lists(grid).values())
    ]


def as_lists(grid: Dict[str, Any]) -> Dict[str, list]:
    """Return a grid with a list for each option."""
    return {
        key: list(value) if isinstance(value, (list, tuple)) else [value]
        for key, value in grid.items()
    }


def changed_model(cfg: Config, point: dict) -> Config:
    """Return a copy of a config with options of its model changed.

    Args:
        cfg (Config): The config.
        point (dict): Values by keys below ``model``.
    """
    cfg = cfg.copy()
    cfg.merge_from_dict({f'model.{key}': v for key, v in point.items()})
    return cfg


def write_notes(model: nn.Module, dataset: Any, watch: Any) -> List[dict]:
    """Run a model over a data set and return what its association got.

    Args:
        model (OnlineVideoModel): The model.
        dataset (BaseDataset): The test data.
        watch (Callable): Of :class:`Replay`.

    Returns:
        list[dict]: ``video_id``, ``video_name`` and ``frames`` of each video.
    """
    notes_of, videos = watch(model), []
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    with FrameProgress(sum(len(info['images']) for info in infos)) as bar:
        for info in infos:
            stream, frames = VideoStream(model), []
            for image in info['images']:
                path = image['img_path']
                meta = stream.step(read_image(path), path).metainfo
                frames.append(
                    dict(
                        notes_of(meta),
                        frame_id=len(frames),
                        img_path=path,
                        ori_shape=tuple(meta['ori_shape'][:2])))
                bar.advance()
            videos.append(
                dict(
                    video_id=info['video_id'],
                    video_name=info.get('video_name'),
                    frames=frames))
    return videos


def load_notes(args: argparse.Namespace, cfg: Config, dataset: Any,
               replay: Type[Replay]) -> dict:
    """Read what the network found, or let it find.

    Args:
        args (argparse.Namespace): The options.
        cfg (Config): With the options under which the network runs.
        dataset (BaseDataset): The test data.
        replay (type): Of the system.

    Returns:
        dict: ``learned`` weights of the association, and ``videos``.

    Raises:
        UsageError: If the file comes from another model or other data.
    """
    # what the network depends on
    fixed = cfg.model.to_dict()
    for key in replay.options:
        part, name = key.split('.')
        if key != 'test_cfg.memory_frames' and fixed.get(part):
            fixed[part].pop(name, None)
    origin = dict(
        model=json.dumps(fixed, sort_keys=True, default=str),
        checkpoint=args.checkpoint,
        videos=[
            dataset.get_data_info(i)['video_id'] for i in range(len(dataset))
        ])
    if osp.exists(args.dump):
        content = torch.load(args.dump, weights_only=True)
        differ = [k for k in origin if content['origin'][k] != origin[k]]
        if differ:
            raise UsageError(f'{args.dump}: written with another '
                             f'{differ[0]}; delete it, or name another file')
        print_state(args.dump, written=False)
        return content
    model = init_video_model(cfg, args.checkpoint, args.device)
    content = dict(
        origin=origin,
        learned=replay.learned(model),
        videos=write_notes(model, dataset, replay.watch))
    with whole_file(args.dump) as unfinished:
        torch.save(content, unfinished)
    print_state(args.dump, written=True)
    return content


def replayed(replay: Replay, videos: List[dict]) -> Iterator[dict]:
    """Yield predicted videos in the form of ``tools/test.py --out``.

    Args:
        replay (Replay): The association.
        videos (list[dict]): Of :func:`write_notes`.
    """
    for video in videos:
        own = ('frame_id', 'img_path', 'ori_shape')
        yield dict(
            video_id=video['video_id'],
            video_name=video['video_name'],
            frames=[
                dict(found, **{key: frame[key]
                               for key in own})
                for frame, found in zip(video['frames'],
                                        replay.run(video['frames']))
            ])


def choose_metric(cfg: Config, wanted: str, name: str) -> tuple:
    """Return the metric of a config that decides, and its result.

    Args:
        cfg (Config): With ``test_evaluator``.
        wanted (str, optional): Name of a result with its prefix.
        name (str): Of the config, for messages.

    Raises:
        UsageError: If the config has none.
    """
    found = cfg.get('test_evaluator') or []
    metrics = {}
    for metric in found if isinstance(found, (list, tuple)) else [found]:
        kind = METRICS.get(metric['type'])
        prefix = metric.get('prefix') or getattr(kind, 'default_prefix', None)
        metrics.setdefault(prefix, metric)
    if wanted is None:
        wanted = next((v for k, v in MAIN_RESULTS.items() if k in metrics), '')
    prefix = wanted.split('/')[0]
    if prefix not in metrics:
        raise UsageError(f'{name}: --metric {wanted or None} is no result of '
                         f'its metrics, whose prefixes are {list(metrics)}')
    return metrics[prefix], wanted


def search(cfg: Config, points: List[dict], replay: Type[Replay],
           content: dict, dataset: Any, metric: Any) -> List[dict]:
    """Score the association at every point.

    Args:
        cfg (Config): The config.
        points (list[dict]): Options.
        replay (type): Of the system.
        content (dict): Of :func:`load_notes`.
        dataset (BaseDataset): The test data.
        metric (ConfigDict): Config of the metric.

    Returns:
        list[dict]: ``options`` and ``results`` of each point.
    """
    rows = []
    with FrameProgress(len(points), 'points') as bar:
        for point in points:
            options = replay.complete(point)
            association = replay(
                changed_model(cfg, options).model, content['learned'])
            evaluator = Evaluator([metric])
            evaluator.dataset_meta = dataset.metainfo
            results = evaluator.offline_evaluate(
                with_annotations(
                    replayed(association, content['videos']), dataset, ''))
            rows.append(dict(options=options, results=results))
            bar.advance()
    return rows


def report(rows: List[dict], key: str) -> None:
    """Print the points, the best first.

    Args:
        rows (list[dict]): Of :func:`search`, the first of the config.
        key (str): Result that decides.

    Raises:
        UsageError: If the metric has no such result.
    """
    if key not in rows[0]['results']:
        raise UsageError(f'--metric {key}: no such result, found '
                         f'{", ".join(rows[0]["results"])}')

    def rank(row: dict) -> float:
        value = row['results'][key]
        return -math.inf if math.isnan(value) else value

    ordered = sorted(rows, key=rank, reverse=True)
    print()
    print_table(
        'options', [key], {
            words(row['options']) or 'as configured':
            [f'{row["results"][key]:.4f}']
            for row in ordered
        })
    best = ordered[0]['options']
    if best:
        print('\nbest: --cfg-options ' + words(best, 'model.'))
    else:
        print('\nbest: as configured')


def words(options: dict, prefix: str = '') -> str:
    """Return options as they are written on a command line."""
    return ' '.join(f'{prefix}{key}={word(value)}'
                    for key, value in options.items())


def word(value: Any) -> str:
    """Return a value without white space."""
    text = str(value).replace(' ', '')
    return f'"{text}"' if isinstance(value, (list, tuple)) else text


@one_line_errors
def main() -> None:
    """Dump if needed, search, print."""
    args = parse_args()
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    metric, key = choose_metric(cfg, args.metric, args.config)
    replay = replay_of(cfg.model.type)
    points = grid_points(args.grid, replay)
    dataset = DATASETS.build(
        dict(dataset_cfg(cfg, 'test', args.config), test_mode=True))
    wide = changed_model(cfg, replay.dump_options(as_lists(args.grid)))
    content = load_notes(args, wide, dataset, replay)
    rows = search(cfg, points, replay, content, dataset, metric)
    report(rows, key)
    if args.out:
        write_whole(args.out, (json.dumps(rows) + '\n').encode())
        print_state(args.out, written=True)


if __name__ == '__main__':
    main()
