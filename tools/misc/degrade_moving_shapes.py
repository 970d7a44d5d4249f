"""Write the ground truth of MovingShapes with errors, as results of a model.

To see what a metric or a report says about errors that are known.
"""
import argparse
import json

from mmvis_plugin.datasets.synthetic import PROFILES, generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.whole_file import write_whole

_KINDS = dict(
    drop='an object is never found',
    gap='an object is lost in the middle third of its frames',
    swap='two objects of a class exchange their tracks',
    wrong_class='an object gets another label',
    extra='a track appears where nothing is')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out',
        required=True,
        metavar='FILE.json',
        help='YouTube-VIS results')
    parser.add_argument('--profile', default='tiny', choices=sorted(PROFILES))
    parser.add_argument('--split', default='val', choices=['train', 'val'])
    parser.add_argument(
        '--data-seed', type=int, default=0, help='of make_moving_shapes.py')
    parser.add_argument('--seed', type=int, default=0, help='of the errors')
    for kind, text in _KINDS.items():
        parser.add_argument(
            f'--{kind.replace("_", "-")}',
            type=float,
            default=0,
            metavar='P',
            help=f'probability that {text}')
    parser.add_argument(
        '--jitter',
        type=float,
        default=0,
        metavar='PIXELS',
        help='most that a mask is off its place')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    """Degrade all videos of a split and write the results."""
    args = parse_args()
    if not args.out.endswith('.json'):
        raise UsageError(f'--out {args.out}: must end in .json')
    cfg = get_cfg(args.profile, seed=args.data_seed)
    length = dict(train=cfg.num_train, val=cfg.num_val)[args.split]
    results = []
    for index in range(length):
        video = generate_video(cfg, args.split, index, with_images=False)
        pred = SynthPrediction.from_video(video)
        for kind in (*_KINDS, 'jitter'):
            p = getattr(args, kind)
            try:
                if p > 0:
                    pred = degrade(pred, kind, p, args.seed + index)
            except ValueError:
                continue  # no two objects of a class: nothing to exchange
        results += pred.to_youtube_vis(index + 1, range(1, cfg.classes + 1))
    write_whole(args.out, json.dumps(results).encode())
    print(f'{args.out}: {len(results)} tracks of {length} videos')


if __name__ == '__main__':
    main()
