"""Run a model on many videos, in any number of processes."""
import argparse
import os
import sys

from mmengine.config import DictAction

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.apis import VideoInferencer
from mmvis_plugin.apis.bulk import (FAILURES, SUMMARY, BulkInference,
                                    BulkOptions, BulkReport, find_shard,
                                    list_videos, local_device, model_identity,
                                    wait_for_ranks)
from mmvis_plugin.apis.model_config import model_source
from mmvis_plugin.apis.outputs import OUTPUT_KINDS
from mmvis_plugin.utils.cli import (UsageError, one_line_errors,
                                    require_positive)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'inputs',
        help='folder with videos, at any depth: files or folders of images; '
        'or a text file with one video per line')
    parser.add_argument('model', help='config, or name of a model of the zoo')
    parser.add_argument('checkpoint', nargs='?', help='weights')
    parser.add_argument(
        '--root',
        help='paths in a list and names of outputs are relative to it '
        '(default: the folder, or the current one)')
    parser.add_argument(
        '--keep-suffix',
        action='store_true',
        help='names of outputs keep .mp4, so that a.mp4 and a.avi differ')
    parser.add_argument('--max-frames', type=int, help='frames of each video')
    parser.add_argument(
        '--online',
        action='store_true',
        help='results from the frames so far, in constant memory')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, dotted keys')


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--out-dir', required=True, help='folder of all outputs')
    parser.add_argument(
        '--save',
        nargs='+',
        choices=list(OUTPUT_KINDS),
        help='kinds of outputs (default: the results, in the kind that fits '
        'the model)')
    parser.add_argument(
        '--score-thr',
        '--pred-score-thr',
        type=float,
        default=0.3,
        help='least score drawn, and kept in ids, mots and mot')
    parser.add_argument(
        '--fps',
        type=float,
        help='frame rate of overlays (default: that of the video)')


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--shard',
        metavar='I/N',
        help='part of this process, I from 0 (default: what torchrun, srun '
        'or a Slurm array says)')
    parser.add_argument(
        '--steal',
        action='store_true',
        help='go on with videos of other shards when the own are done')
    parser.add_argument(
        '--retry-failed',
        action='store_true',
        help='also videos that have failed before')
    parser.add_argument(
        '--stale-after',
        type=float,
        default=180.,
        metavar='SECONDS',
        help='without a sign of life until a process of another machine '
        'counts as gone')
    parser.add_argument(
        '--device',
        help="such as cuda:0 or cpu (default: a GPU if there's one, each "
        'rank its own)')
    parser.add_argument(
        '--clip-len', type=int, default=1, help='frames encoded at once')


def parse_args() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    _add_source(parser)
    _add_output(parser)
    _add_work(parser)
    args = parser.parse_args()
    require_positive(args, 'max_frames', 'clip_len', 'stale_after')
    return args


def run(args: argparse.Namespace) -> BulkReport:
    """Process the shard and say what became of it.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        BulkReport: Counts.
    """
    shard = find_shard(args.shard)
    videos = list_videos(args.inputs, args.root, (args.out_dir, ),
                         args.keep_suffix)
    source = model_source(args.model, args.checkpoint)
    if args.cfg_options:
        source.config.merge_from_dict(args.cfg_options)
    identity = model_identity(source)
    options = BulkOptions(
        outputs=tuple(args.save) if args.save else None,
        score_thr=args.score_thr,
        online=args.online,
        max_frames=args.max_frames,
        fps=args.fps)
    bulk = BulkInference(
        lambda: VideoInferencer(source.config, source.weights, args.device or
                                local_device()),
        videos,
        args.out_dir,
        identity,
        options,
        shard,
        steal=args.steal,
        retry_failed=args.retry_failed,
        clip_len=args.clip_len,
        stale_after=args.stale_after,
        # bars of several ranks would overwrite one another
        show_progress=os.environ.get('LOCAL_RANK', '0') == '0')
    print(f'{shard}: {len(shard.of(videos))} of {len(videos)} videos')
    report = bulk.run()
    print(f'shard {shard.index}/{shard.count}: {report}', flush=True)
    return report


@one_line_errors
def main() -> None:
    """Parse the options and run; wrong values end with one line."""
    args = parse_args()
    try:
        report = run(args)
    except ValueError as error:
        raise UsageError(str(error)) from error
    wait_for_ranks()
    if report.failed:
        print(f'{os.path.join(args.out_dir, FAILURES)} and {SUMMARY} name '
              'what failed; --retry-failed tries it again')
    sys.exit(report.exit_code)


if __name__ == '__main__':
    main()
