"""Check that evaluating more videos does not take more memory.

Every metric scores few and many MovingShapes videos frame by frame, each
time in a process of its own, whose peak of resident memory counts. Exits
with code 1 if the many take more than the few, beyond the tolerance.
"""
import argparse
import os
import os.path as osp
import resource
import subprocess
import sys
import tempfile
from typing import Dict, List

from mmengine.registry import DefaultScope

from mmvis_plugin.datasets.class_tables import table_metainfo
from mmvis_plugin.datasets.synthetic import (PROFILES, SHAPES, generate_video,
                                             get_cfg)
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.synth_samples import (panoptic_metainfo,
                                                           sample_frames)
from mmvis_plugin.registry import METRICS
from mmvis_plugin.utils.cli import UsageError, one_line_errors

# joined by a plus: side by side on the same samples, as in an evaluator
DEFAULT_METRICS = ('VISMetric', 'BoxTubeMetric', 'MOTSMetric',
                   'VPQMetric+STQMetric')
_MIB = 2**20


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=DEFAULT_METRICS,
        help='names of metrics; those joined by + share their samples')
    parser.add_argument(
        '--videos',
        type=int,
        nargs=2,
        default=(20, 200),
        metavar=('FEW', 'MANY'),
        help='numbers of videos (20 200)')
    parser.add_argument(
        '--profile',
        choices=sorted(PROFILES),
        default='tiny',
        help='size and length of the videos (tiny)')
    parser.add_argument(
        '--tolerance', type=float, default=0.1, help='growth allowed (0.1)')
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.child and not 0 < args.videos[0] < args.videos[1]:
        parser.error('--videos must be two numbers, the lower one first')
    return args


def peak_bytes() -> int:
    """Return the largest resident memory that this program has had."""
    try:
        with open('/proc/self/status', encoding='ascii') as file:
            # getrusage would count the process that started this one, too
            line, = (text for text in file if text.startswith('VmHWM'))
        return 1024 * int(line.split()[1])
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == 'darwin' else 1024 * peak


def build_metric(name: str, num_videos: int):
    """Build a metric for a data set of MovingShapes.

    Args:
        name (str): Registered name.
        num_videos (int): Videos of the data set.
    """
    metric = METRICS.build(dict(type=name))
    meta = panoptic_metainfo(num_videos)
    if name in ('VISMetric', 'BoxTubeMetric'):
        meta.update(classes=SHAPES)
    elif name == 'MOTSMetric':
        meta.update(table_metainfo('bdd100k_mots'))
    metric.dataset_meta = meta
    return metric


def score(names: List[str], num_videos: int, profile: str) -> Dict[str, float]:
    """Score made videos, of which one at a time exists.

    Args:
        names (list[str]): Metrics.
        num_videos (int): Number of videos.
        profile (str): Profile of MovingShapes.

    Returns:
        dict[str, float]: Results of all metrics.
    """
    cfg = get_cfg(profile, num_val=num_videos)
    metrics = [build_metric(name, num_videos) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        for index in range(num_videos):
            video = generate_video(cfg, 'val', index, with_images=False)
            truth = SynthPrediction.from_video(video)
            found = degrade(
                degrade(truth, 'jitter', 1, index), 'extra', 1, index)
            for frame in sample_frames(truth, found, index, folder):
                for metric in metrics:
                    metric.process(None, [frame.to_dict()])
                os.remove(frame.seg_map_path)
    results: Dict[str, float] = {}
    for metric in metrics:
        results.update(metric.evaluate(num_videos))
    return results


def measure(names: str, num_videos: int, profile: str) -> int:
    """Score videos in a process and return its peak memory in bytes.

    Args:
        names (str): Metrics, joined by plus.
        num_videos (int): Number of videos.
        profile (str): Profile of MovingShapes.
    """
    done = subprocess.run([
        sys.executable,
        osp.abspath(__file__), '--child', '--metrics', names, '--videos',
        str(num_videos),
        str(num_videos), '--profile', profile
    ],
                          stdout=subprocess.PIPE,
                          text=True)
    if done.returncode:
        raise UsageError(f'{names}: scoring {num_videos} videos failed, see '
                         'the message above')
    return int(done.stdout.splitlines()[-1])


def compare(args: argparse.Namespace) -> bool:
    """Print a line per metric.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        bool: Whether all stay within the tolerance.
    """
    fine = True
    for names in args.metrics:
        few, many = (
            measure(names, num_videos, args.profile)
            for num_videos in args.videos)
        growth = many / few - 1
        further = (many - few) / (args.videos[1] - args.videos[0])
        fine &= growth <= args.tolerance
        print(
            f'{names:20s} {args.videos[0]} videos {few / _MIB:7.1f} MiB, '
            f'{args.videos[1]} videos {many / _MIB:7.1f} MiB: {growth:+.1%}, '
            f'allowed {args.tolerance:+.1%}; {further / 1024:.0f} KiB per '
            'further video',
            flush=True)
    return fine


@one_line_errors
def main() -> None:
    """Measure and judge, or be one of the measured processes."""
    args = parse_args()
    if args.child:
        with DefaultScope.overwrite_default_scope('mmdet'):
            names = args.metrics[0].split('+')
            results = score(names, args.videos[0], args.profile)
        print(results)
        print(peak_bytes())
    elif not compare(args):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
