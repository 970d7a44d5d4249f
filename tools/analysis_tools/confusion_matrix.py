"""Draw which classes of tracks are taken for which.

Tracks and results are partners if their IoU over all annotated frames
reaches --tp-iou-thr, whatever their classes are; results choose by falling
score. Rows are the classes of the tracks and, last, background; columns those
of the results and, last, missed. Results without masks are compared by boxes.

Writes confusion_matrix.json and confusion_matrix.png: numbers are counts,
colours per cent of the row.
"""
import argparse
import json
import os.path as osp
from itertools import chain
from typing import Any, Dict, Hashable, Iterable, List, Sequence

import numpy as np
from eval_metric import read_results, with_annotations
from mmengine.config import DictAction
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope

from mmvis_plugin.evaluation.functional import (TrackOverlaps, box_tube_iou,
                                                track_confusion, tube_iou)
from mmvis_plugin.evaluation.metrics import BoxTubeMetric
from mmvis_plugin.evaluation.metrics.video_metric import (OpenVideo,
                                                          VideoMetric, as_dict)
from mmvis_plugin.evaluation.metrics.vis_tracks import (FrameTracks,
                                                        ground_truth_tracks,
                                                        predicted_tracks,
                                                        read_frame)
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.whole_file import whole_file, write_whole

BACKGROUND, MISSED = 'background', 'missed'


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the test')
    parser.add_argument(
        'prediction_path',
        help='pickle file of tools/test.py --out, or a submission')
    parser.add_argument('save_dir', help='folder of the picture and the JSON')
    parser.add_argument(
        '--show', action='store_true', help='show the picture in a window')
    parser.add_argument(
        '--color-theme', default='plasma', help='colours (plasma)')
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='least score of a result (0.3); scores of whole videos can be '
        'low')
    parser.add_argument(
        '--tp-iou-thr',
        type=float,
        default=0.5,
        help='least IoU of partners (0.5)')
    parser.add_argument(
        '--nms-iou-thr',
        type=float,
        help='leave out results that overlap a better one by more, of any '
        'class')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    return parser.parse_args()


class MaskConfusion(VideoMetric):
    """Confusion of mask tracks.

    Args:
        options (dict): Thresholds of :func:`track_confusion`.
    """
    default_prefix = 'confusion'

    def __init__(self, options: dict) -> None:
        super().__init__()
        self.options = options

    def reduce_frame(self, frame: dict, video: OpenVideo) -> FrameTracks:
        """Keep run-length masks, scores, labels and raw annotations."""
        return read_frame(frame, video)

    def reduce_video(self, video: OpenVideo) -> list:
        """Return the matrix of a video."""
        labels = {i: i for i in range(len(self.dataset_meta['classes']))}
        kept = [
            index for index, frame in enumerate(video.frames)
            if frame.instances is not None
        ]
        results = predicted_tracks(video, labels, 'mean')
        tubes = [[result['segmentations'][index] for index in kept]
                 for result in results]
        tracks = ground_truth_tracks(video, labels)
        gt_tubes = [track['segmentations'] for track in tracks]
        return count(results, tracks, tube_iou(tubes, gt_tubes),
                     tube_iou(tubes, tubes), len(labels), self.options)

    def compute_from_records(self, records: Dict[Hashable, list]) -> dict:
        """Add up the matrices of all videos."""
        return dict(matrix=np.sum(list(records.values()), axis=0).tolist())


class BoxConfusion(BoxTubeMetric):
    """Confusion of box tracks.

    Args:
        options (dict): Thresholds of :func:`track_confusion`.
    """
    default_prefix = 'confusion'
    setting_names = ()

    def __init__(self, options: dict) -> None:
        super().__init__(track_score='mean')
        self.options = options

    def reduce_video(self, video: OpenVideo) -> list:
        """Return the matrix of a video."""
        frames = [f for f in video.frames if f.instances is not None]
        results = self._results(video, frames)
        tracks = self._ground_truth(video, frames)
        tubes, gt_tubes = (
            box_array(items, len(frames)) for items in (results, tracks))
        return count(results, tracks, box_tube_iou(tubes, gt_tubes),
                     box_tube_iou(tubes, tubes), len(self.classes),
                     self.options)

    compute_from_records = MaskConfusion.compute_from_records


def box_array(items: Sequence[dict], num_frames: int) -> np.ndarray:
    """Return the boxes of tracks ``(N, T, 4)``, nan where absent.

    Args:
        items (Sequence[dict]): With ``bboxes``.
        num_frames (int): T.
    """
    nothing = [np.nan] * 4
    boxes = [[nothing if box is None else box for box in item['bboxes']]
             for item in items]
    return np.array(boxes, dtype=float).reshape(len(items), num_frames, 4)


def count(results: List[dict], tracks: List[dict], ious: np.ndarray,
          det_ious: np.ndarray, num_classes: int, options: dict) -> list:
    """Return the matrix of one video as lists, which can be pickled.

    Args:
        results (list[dict]): With ``score`` and ``category_id``.
        tracks (list[dict]): With ``category_id`` and ``iscrowd``.
        ious (np.ndarray): Of both.
        det_ious (np.ndarray): Of the results.
        num_classes (int): Number of classes.
        options (dict): Thresholds.
    """
    video = TrackOverlaps(
        ious, np.array([item['score'] for item in results], dtype=float),
        np.array([item['category_id'] for item in results], dtype=int),
        np.array([item['category_id'] for item in tracks], dtype=int),
        np.array([item['iscrowd'] for item in tracks], dtype=bool), det_ious)
    return track_confusion(video, num_classes, **options).tolist()


def confusion_of(samples: Iterable[dict], dataset: Any,
                 options: dict) -> np.ndarray:
    """Return the matrix of a data set.

    Args:
        samples (Iterable[dict]): Of :func:`with_annotations`.
        dataset (BaseDataset): The test data.
        options (dict): Thresholds.

    Raises:
        UsageError: If the results are no tracks.
    """
    samples = iter(samples)
    first = next(samples, None)
    if first is None:
        raise UsageError('the results hold no video, expected at least one')
    frame = as_dict(first['video_data_samples'][0])
    pred = as_dict(frame.get('pred_track_instances') or {})
    if 'labels' not in pred:
        raise UsageError('the results are panoptic maps, expected tracks; '
                         'VPQMetric(classwise=True) says more about maps')
    metric = MaskConfusion if 'masks' in pred else BoxConfusion
    evaluator = Evaluator(metric(options))
    evaluator.dataset_meta = dataset.metainfo
    found = evaluator.offline_evaluate(chain([first], samples))
    return np.array(found['confusion/matrix'])


def draw(matrix: np.ndarray, classes: Sequence[str], theme: str, path: str,
         show: bool) -> None:
    """Draw a matrix; a cell is a part of its row.

    Args:
        matrix (np.ndarray): Counts.
        classes (Sequence[str]): Names of the classes.
        theme (str): Colours.
        path (str): PNG file.
        show (bool): Open a window, too.
    """
    import matplotlib
    if not show:
        matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    if theme not in plt.colormaps():
        raise UsageError(f'--color-theme {theme} is unknown, expected for '
                         'example plasma, viridis or Blues')
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(4., 0.5 * len(matrix))
    figure, axes = plt.subplots(
        figsize=(side + 2, side), dpi=180, layout='constrained')
    image = axes.imshow(100 * shares, cmap=theme, vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, label='% of the row')
    ticks = range(len(matrix))
    axes.set_xticks(ticks, [*classes, MISSED], rotation=45, ha='right')
    axes.set_yticks(ticks, [*classes, BACKGROUND])
    axes.set_xlabel('predicted')
    axes.set_ylabel('ground truth')
    for row, column in zip(*matrix.nonzero()):
        colour = 'w' if image.norm(100 * shares[row, column]) < 0.6 else 'k'
        axes.text(
            column,
            row,
            matrix[row, column],
            ha='center',
            va='center',
            color=colour,
            size=7)
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, format='png')
    if show:
        plt.show()
    plt.close(figure)


@one_line_errors
def main() -> None:
    """Count, print the worst confusions, draw."""
    args = parse_args()
    cfg = read_config(args.config, args.cfg_options)
    if not osp.exists(args.prediction_path):
        raise FileNotFoundError(f'{args.prediction_path}: no such file; write '
                                'it with tools/test.py --out')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    records = read_results(args.prediction_path, dataset)
    options = dict(
        iou_thr=args.tp_iou_thr,
        score_thr=args.score_thr,
        nms_iou_thr=args.nms_iou_thr)
    matrix = confusion_of(
        with_annotations(records, dataset, args.prediction_path), dataset,
        options)
    classes = list(dataset.metainfo['classes'])
    content = dict(
        rows=[*classes, BACKGROUND],
        columns=[*classes, MISSED],
        matrix=matrix.tolist(),
        **options)
    path = osp.join(args.save_dir, 'confusion_matrix')
    write_whole(f'{path}.json', (json.dumps(content) + '\n').encode())
    draw(matrix, classes, args.color_theme, f'{path}.png', args.show)
    num = len(classes)
    hits = np.trace(matrix[:num, :num])
    print(f'{matrix[:num].sum()} tracks: {hits} found, '
          f'{matrix[:num, :num].sum() - hits} taken for another class, '
          f'{matrix[:num, num].sum()} missed; {matrix[num].sum()} results '
          'without track')
    print(f'written: {path}.png, {path}.json')


if __name__ == '__main__':
    main()
