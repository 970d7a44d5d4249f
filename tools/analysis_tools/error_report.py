"""Write one HTML page that shows what goes wrong in an evaluation."""
import argparse
import copy
import importlib.util
import os.path as osp
from itertools import groupby
from typing import Any, Dict, Hashable, Iterator, List, Tuple

import numpy as np
from eval_metric import read_results, with_annotations
from mmengine.config import Config, DictAction
from mmengine.registry import DATASETS, init_default_scope

from mmvis_plugin.datasets.transforms import LoadVideoFrame
from mmvis_plugin.evaluation import VideoMetric
from mmvis_plugin.evaluation.metrics.video_metric import as_dict
from mmvis_plugin.evaluation.video_errors import VideoComparison, VideoErrors
from mmvis_plugin.evaluation.video_scores import VideoScores
from mmvis_plugin.registry import METRICS
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, read_config,
                                    require_positive)
from mmvis_plugin.visualization import ErrorOverlay, ErrorPage
from mmvis_plugin.visualization.error_media import ErrorMedia, error_starts

_MEGABYTE = 1 << 20
# a report writes no submission
_WRITING = ('format_only', 'outfile_prefix', 'submission')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the test')
    parser.add_argument(
        'pkl_results',
        help='pickle file of tools/test.py --out, or a submission, as for '
        'eval_metric.py')
    parser.add_argument(
        '--out',
        metavar='FILE.html',
        help='the page (default: work_dirs/<name of the config>/'
        'error_report.html)')
    parser.add_argument(
        '--iou-thr',
        type=float,
        default=0.5,
        help='least overlap of an object and its track (default: 0.5)')
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='least mean score of a track (default: 0.3); the scores in the '
        'page are of all tracks')
    parser.add_argument(
        '--num',
        type=int,
        default=12,
        help='videos with pictures, those of the lowest scores (default: 12)')
    parser.add_argument(
        '--max-frames',
        type=int,
        default=60,
        help='most pictures of a video and frames of a clip (default: 60)')
    parser.add_argument(
        '--max-size',
        type=float,
        default=30,
        metavar='MB',
        help='largest size of the page; pictures of a video that would '
        'exceed it are left out (default: 30)')
    parser.add_argument(
        '--width',
        type=int,
        default=400,
        help='largest width of a frame (default: 400)')
    parser.add_argument(
        '--fps', type=float, default=5, help='of the clips (default: 5)')
    parser.add_argument(
        '--no-clips', action='store_true', help='pictures only')
    parser.add_argument(
        '--allow-missing',
        action='store_true',
        help='take videos that the file lacks as ones without predictions')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, key="[a,b]" or key=a,b')
    return parser.parse_args()


def build_metrics(cfg: Config, dataset_meta: dict) -> List[VideoMetric]:
    """Return the metrics of a config that know single videos.

    Args:
        cfg (Config): With ``test_evaluator``.
        dataset_meta (dict): Metainfo of the dataset.
    """
    items = cfg.test_evaluator
    metrics = []
    for item in items if isinstance(items, (list, tuple)) else [items]:
        item = {
            key: value
            for key, value in copy.deepcopy(item).items()
            if key not in _WRITING
        }
        metric = METRICS.build(item)
        if isinstance(metric, VideoMetric):
            metric.dataset_meta = dataset_meta
            metrics.append(metric)
    return metrics


class Report:
    """The steps from results to a page.

    Args:
        args (argparse.Namespace): The options.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        cfg = read_config(args.config, args.cfg_options)
        if not osp.exists(args.pkl_results):
            raise FileNotFoundError(f'{args.pkl_results}: no such file; write '
                                    'it with tools/test.py --out')
        for key in ('test_dataloader', 'test_evaluator'):
            if cfg.get(key) is None:
                raise UsageError(f'{args.config}: there is no {key}, expected '
                                 'the config of a test')
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        self.dataset = DATASETS.build(cfg.test_dataloader.dataset)
        self.meta = self.dataset.metainfo
        # asked first: without annotations, metrics write submissions
        self._require_annotations()
        self.scores = VideoScores(build_metrics(cfg, self.meta))

    def _require_annotations(self) -> None:
        for index in range(len(self.dataset)):
            images = self.dataset.get_data_info(index)['images']
            if any(image.get('has_ann', True) for image in images):
                return
        raise UsageError(f'{self.args.config}: the test data have no '
                         'annotations to compare with; test on data that '
                         'have, such as a part held out by '
                         'tools/misc/split_train_val.py')

    def samples(self) -> Iterator[dict]:
        """Read the results with their annotations, in parts of a video."""
        path = self.args.pkl_results
        return with_annotations(
            read_results(path, self.dataset), self.dataset, path,
            self.args.allow_missing)

    def compare(self) -> Dict[Hashable, VideoErrors]:
        """Score all videos and list their errors."""
        found: Dict[Hashable, VideoErrors] = {}
        for video_id, frames in videos_of(self._scored_samples()):
            comparison = VideoComparison(self.meta, self.args.iou_thr,
                                         self.args.score_thr)
            for frame in frames:
                comparison.add(frame)
            errors = comparison.errors()
            if errors.frame_ids:
                found[video_id] = errors
        return found

    def _scored_samples(self) -> Iterator[dict]:
        for sample in self.samples():
            self.scores.process(sample)
            yield sample

    def draw(
        self, chosen: Dict[Hashable, VideoErrors]
    ) -> Dict[Hashable, Tuple[Dict[int, bytes], Any]]:
        """Draw pictures and clips of some videos.

        Args:
            chosen (dict): Errors by video id.
        """
        overlay = ErrorOverlay(self.meta, self.args.width)
        has_clips = not self.args.no_clips
        if has_clips and importlib.util.find_spec('av') is None:
            print('no PyAV (pip install av): the page gets no clips')
            has_clips = False
        loader = LoadVideoFrame(
            backend_args=getattr(self.dataset, 'backend_args', None))
        images = {}
        for index in range(len(self.dataset) if chosen else 0):
            info = self.dataset.get_data_info(index)
            if info['video_id'] in chosen:
                images[info['video_id']] = info['images']
        drawn = {}
        for video_id, frames in videos_of(self.samples() if chosen else ()):
            if video_id not in chosen:
                continue
            media = ErrorMedia(chosen[video_id], overlay, self.args.max_frames,
                               self.args.fps if has_clips else None)
            for frame in frames:
                if media.wants(frame['frame_id']):
                    # the place of the file may differ from that of the test
                    image = images[video_id][frame['frame_id']]
                    pixels = loader(dict(image))['img'][..., ::-1]
                    media.add(pixels, frame)
            drawn[video_id] = media.finish()
        return drawn

    def write(self) -> str:
        """Write the page and return a line about it."""
        args, found = self.args, self.compare()
        overall, alone = self.scores.evaluate(list(found))
        facts = dict(
            config=args.config,
            results=args.pkl_results,
            videos=str(len(found)),
            frames=str(sum(len(e.frame_ids) for e in found.values())))
        facts['least IoU'] = str(args.iou_thr)
        facts['least score'] = str(args.score_thr)
        name = osp.splitext(osp.basename(args.config))[0]
        page = ErrorPage(f'Errors of {name}', facts, self.meta['classes'],
                         overall)
        for video_id, errors in found.items():
            page.add_video(errors, alone[video_id])
        limit = args.max_size * _MEGABYTE
        if page.num_bytes > limit:
            raise UsageError(
                f'--max-size {args.max_size}: scores and timelines alone take '
                f'{page.num_bytes / _MEGABYTE:.1f} MB, allow more')
        ranked = sorted(found, key=lambda i: worst_first(found[i], alone[i]))
        chosen = {i: found[i] for i in ranked[:args.num]}
        drawn = self.draw(chosen)
        shown = sum(
            page.add_media(video_id, *drawn[video_id], limit)
            for video_id in chosen)
        path = args.out or osp.join('work_dirs', name, 'error_report.html')
        size = page.write(path)
        return (f'{path}: {len(found)} videos, {shown} of them with pictures, '
                f'{size / _MEGABYTE:.1f} MB')


def videos_of(
        samples: Iterator[dict]) -> Iterator[Tuple[Hashable, Iterator[dict]]]:
    """Join the parts of each video.

    Args:
        samples (Iterator[dict]): In order of their videos.
    """
    frames = (
        as_dict(frame) for sample in samples
        for frame in sample['video_data_samples'])
    return groupby(frames, key=lambda frame: frame['video_id'])


def worst_first(errors: VideoErrors, scores: Dict[str, float]) -> tuple:
    """Return a key that sorts videos.

    Args:
        errors (VideoErrors): What happens in the video.
        scores (dict[str, float]): Its scores, the main one first.
    """
    main = next(iter(scores.values()), np.nan)
    return bool(np.isnan(main)), main, -int(error_starts(errors).sum())


@one_line_errors
def main() -> None:
    """Parse the options and write the page."""
    args = parse_args()
    require_positive(args, 'max_frames', 'width')
    for name, value in (('num', args.num), ('max-size', args.max_size),
                        ('fps', args.fps)):
        if value < 0 or (name == 'fps' and value == 0):
            raise UsageError(f'--{name} {value}: expected '
                             f'{"above 0" if name == "fps" else "0 or more"}')
    if args.out and not args.out.endswith(('.html', '.htm')):
        raise UsageError(f'--out {args.out}: must end in .html')
    print(Report(args).write())


if __name__ == '__main__':
    main()
