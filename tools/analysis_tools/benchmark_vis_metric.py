"""Compare the speed of ``video_instance_ap`` with mmdet's ``YTVISeval``.

CPU time is compared, so that other processes disturb little; both run on one
thread.
"""
import argparse
import contextlib
import copy
import gzip
import io
import json
import os.path as osp
import statistics
import time
from typing import Callable, List, Tuple
from unittest import mock

import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.evaluation.functional import video_instance_ap
from mmvis_plugin.utils.cli import one_line_errors

DATA = osp.join(osp.dirname(__file__), '..', '..', 'tests', 'data', 'metrics')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--gt',
        default=osp.join(DATA, 'sav_000001_manual.json.gz'),
        help='SA-V file with the ground truth tubes')
    parser.add_argument(
        '--pred',
        default=osp.join(DATA, 'sav_000001_auto.json.gz'),
        help='SA-V file with the predicted tubes')
    parser.add_argument(
        '--repeat', type=int, default=9, help='runs; the median counts')
    parser.add_argument(
        '--min-ratio',
        type=float,
        default=0,
        help='exit with code 1 if the speed-up is lower')
    return parser.parse_args()


def read_tubes(path: str) -> Tuple[dict, List[list]]:
    """Read an SA-V file as one YouTube-VIS video and its tubes.

    Args:
        path (str): A ``.json.gz`` file.

    Returns:
        tuple: The entry of ``videos``, and per object one mask or None per
        frame.
    """
    with gzip.open(path) as file:
        source = json.load(file)
    frames = source['masklet']
    video = dict(
        id=1,
        height=int(source['video_height']),
        width=int(source['video_width']),
        length=len(frames))
    tubes = [[mask if mask_utils.area(mask) else None for mask in tube]
             for tube in zip(*frames)]
    return video, tubes


def build_case(gt_path: str, pred_path: str) -> Tuple[dict, List[dict]]:
    """Return annotations and results of one category.

    Args:
        gt_path (str): SA-V file of the annotations.
        pred_path (str): SA-V file of the results.

    Returns:
        tuple[dict, list[dict]]: Both in YouTube-VIS form.
    """
    video, gt_tubes = read_tubes(gt_path)
    _, pred_tubes = read_tubes(pred_path)
    tracks = [
        dict(
            id=index,
            video_id=1,
            category_id=1,
            iscrowd=0,
            segmentations=tube,
            areas=[int(mask_utils.area(m)) if m else None for m in tube],
            bboxes=[None] * len(tube))
        for index, tube in enumerate(gt_tubes, start=1)
    ]
    results = [
        dict(
            video_id=1,
            category_id=1,
            score=1 - index / 100,
            segmentations=tube) for index, tube in enumerate(pred_tubes)
    ]
    gt = dict(
        videos=[video],
        categories=[dict(id=1, name='object')],
        annotations=tracks)
    return gt, results


def time_mmdet(gt: dict, results: List[dict]) -> Tuple[float, float, list]:
    """Time one evaluation with mmdet.

    Returns:
        tuple: Seconds of ``YTVISeval`` alone, seconds with ``loadRes``, and
        its 12 numbers.
    """
    from mmdet.evaluation.functional import YTVIS, YTVISeval
    gt, results = copy.deepcopy(gt), copy.deepcopy(results)
    # it names a type that NumPy dropped in 1.24
    with contextlib.redirect_stdout(io.StringIO()), \
            mock.patch.object(np, 'float', float, create=True):
        annotations = YTVIS(gt)
        start = time.process_time()
        detections = annotations.loadRes(results)
        loaded = time.process_time()
        evaluation = YTVISeval(annotations, detections, 'segm')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        end = time.process_time()
    return end - loaded, end - start, evaluation.stats.tolist()


def seconds(function: Callable, *args) -> float:
    """Return how long a call takes."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


@one_line_errors
def main() -> None:
    """Run both evaluations in turn and print the medians."""
    args = parse_args()
    gt, results = build_case(args.gt, args.pred)
    ours, theirs, theirs_all = [], [], []
    for _ in range(args.repeat + 1):
        alone, whole, stats = time_mmdet(gt, results)
        theirs.append(alone)
        theirs_all.append(whole)
        ours.append(seconds(video_instance_ap, gt, results))
    scores = list(video_instance_ap(gt, results).values())
    same = np.allclose(
        np.nan_to_num(scores, nan=-1), stats, rtol=0, atol=1e-12)
    # the first run warms up caches and imports
    medians = [
        statistics.median(times[1:]) for times in (ours, theirs, theirs_all)
    ]
    ratios = [theirs[i] / ours[i] for i in range(1, args.repeat + 1)]
    print(f'{len(gt["annotations"])} x {len(results)} tubes of '
          f'{gt["videos"][0]["length"]} frames, median of {args.repeat}:')
    print(f'  video_instance_ap (parsing included)  {medians[0] * 1e3:8.2f} '
          'ms')
    print(f'  mmdet YTVISeval, results loaded       {medians[1] * 1e3:8.2f} '
          f'ms  {medians[1] / medians[0]:.2f}x')
    print(f'  mmdet YTVISeval and loadRes           {medians[2] * 1e3:8.2f} '
          f'ms  {medians[2] / medians[0]:.2f}x')
    print(f'  per-run speed-up over YTVISeval alone {min(ratios):.2f} ... '
          f'{max(ratios):.2f}; scores equal to 1e-12: {same}')
    if not same or medians[1] / medians[0] < args.min_ratio:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
