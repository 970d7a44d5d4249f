"""Plot curves of training logs, or say how long an iteration took.

A log is the scalars.json that mmengine writes, or a work folder: all logs in
it are one run then, and what was trained again after a resume replaces what
was there. Evaluations lie where training stood, whether the loop counts
epochs or iterations.
"""
import argparse
import json
import os.path as osp
from glob import glob
from typing import Dict, Iterator, List, NamedTuple, Optional

import numpy as np

from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.whole_file import whole_file


class Record(NamedTuple):
    """One line of a log.

    Attributes:
        step (int): Iteration that training had reached.
        epoch (int, optional): Its epoch; None if the loop has none.
        part (int): Number of the start or resume that it belongs to.
        values (dict): All of the line.
        is_eval (bool): Results of an evaluation.
    """
    step: int
    epoch: Optional[int]
    part: int
    values: Dict[str, float]
    is_eval: bool


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest='task', required=True)
    plot = tasks.add_parser('plot_curve', help='plot curves')
    time = tasks.add_parser('cal_train_time', help='time of an iteration')
    for task in (plot, time):
        task.add_argument(
            'json_logs',
            nargs='+',
            help='scalars.json, or a work folder with all its resumed parts')
    plot.add_argument(
        '--keys',
        nargs='+',
        default=['loss'],
        help='what to plot: loss, lr, vis/AP or just AP, ... (loss)')
    plot.add_argument(
        '--start-epoch', type=int, default=1, help='leave out what was before')
    plot.add_argument(
        '--start-iter',
        type=int,
        default=0,
        help='the same for loops without epochs')
    plot.add_argument(
        '--eval-interval',
        help='of no use, for command lines of mmdet: evaluations are found')
    plot.add_argument('--title', help='of the figure')
    plot.add_argument('--legend', nargs='+', help='one text per log and key')
    plot.add_argument('--backend', help='of matplotlib')
    plot.add_argument('--style', help='of matplotlib, such as ggplot')
    plot.add_argument('--out', help='file instead of a window')
    time.add_argument(
        '--include-outliers',
        action='store_true',
        help='include the first value of every epoch, or of every start')
    args = parser.parse_args()
    if args.task == 'plot_curve' and args.legend and len(
            args.legend) != len(args.json_logs) * len(args.keys):
        raise UsageError(
            f'--legend has {len(args.legend)} texts for '
            f'{len(args.json_logs)} logs and {len(args.keys)} keys, expected '
            f'{len(args.json_logs) * len(args.keys)}')
    return args


def find_logs(path: str) -> List[str]:
    """Return the files of a run, the oldest first.

    Args:
        path (str): A file or a work folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    if osp.isfile(path):
        return [path]
    inside = osp.join('vis_data', 'scalars.json')
    # folders are named after the time of the start
    files = sorted(
        glob(osp.join(glob_safe(path), inside)) +
        glob(osp.join(glob_safe(path), '*', inside)))
    if not files:
        raise FileNotFoundError(f'{path}: no log, expected a scalars.json or '
                                f'a work folder with <time>/{inside}')
    return files


def glob_safe(path: str) -> str:
    """Return a path whose characters glob takes as they are."""
    return ''.join(f'[{c}]' if c in '*?[' else c for c in path)


def read_run(path: str) -> List[Record]:
    """Read a run from its logs.

    Args:
        path (str): A file or a work folder.

    Returns:
        list[Record]: By rising step, without what was trained again.
    """
    run: List[Record] = []
    for part, file in enumerate(find_logs(path)):
        last = -1
        for record in read_log(file, part):
            if not record.is_eval:
                if last < 0 or record.step < last:
                    # what came after a resume was lost, or trained again
                    run = [r for r in run if r.step < record.step]
                last = record.step
            run.append(record)
    return run


def read_log(path: str, part: int) -> Iterator[Record]:
    """Read the lines of one file.

    Args:
        path (str): The file.
        part (int): Its number in the run.

    Yields:
        Record: One per line, with the step that training had reached.

    Raises:
        AnnotationError: If a line is no JSON object with a step.
    """
    step, epoch = 0, None
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
                found = int(values['step'])
            except (ValueError, KeyError, TypeError):
                raise AnnotationError(
                    f'{path}, line {number}: {line.strip()[:60]!r}, expected '
                    'a JSON object with a step; give a scalars.json') from None
            is_eval = not {'loss', 'lr', 'iter'} & set(values)
            if is_eval:
                # of an evaluation it may be the epoch, or nothing
                step = max(step, found)
            else:
                step, epoch = found, values.get('epoch')
            yield Record(step, epoch, part, values, is_eval)


def full_key(run: List[Record], key: str, name: str) -> str:
    """Return the key of a log that a user means.

    Args:
        run (list[Record]): The run.
        key (str): A key, or what follows its last slash.
        name (str): Of the run, for messages.

    Raises:
        UsageError: If there is none, or more than one.
    """
    keys = {key for record in run for key in record.values}
    found = [key] if key in keys else sorted(
        k for k in keys if k.split('/')[-1] == key)
    if len(found) != 1:
        meant = f'it may be {found}' if found else f'it has {sorted(keys)}'
        raise UsageError(f'{name}: no key {key!r}; {meant}')
    return found[0]


def plot_curve(args: argparse.Namespace) -> None:
    """Draw the curves of all runs and keys.

    Args:
        args (argparse.Namespace): The options.
    """
    import matplotlib
    if args.backend or args.out:
        matplotlib.use(args.backend or 'Agg')
    from matplotlib import pyplot as plt
    if args.style:
        plt.style.use(args.style)
    figure, axes = plt.subplots()
    legend = iter(
        args.legend
        or [f'{name}_{key}' for name in args.json_logs for key in args.keys])
    for name in args.json_logs:
        run = read_run(name)
        for key in args.keys:
            draw(axes, later(run, args, name), key, name, next(legend))
    axes.set_xlabel('iteration')
    axes.legend()
    if args.title:
        axes.set_title(args.title)
    if args.out is None:
        plt.show()
    else:
        kind = osp.splitext(args.out)[1].lstrip('.') or 'png'
        with whole_file(args.out) as unfinished:
            figure.savefig(unfinished, format=kind)
        print(f'save curve to: {args.out}')
    plt.close(figure)


def later(run: List[Record], args: argparse.Namespace,
          name: str) -> List[Record]:
    """Return what ``--start-epoch`` and ``--start-iter`` leave.

    Args:
        run (list[Record]): The run.
        args (argparse.Namespace): The options.
        name (str): Of the run, for messages.
    """
    run = [record for record in run if record.step >= args.start_iter]
    if args.start_epoch <= 1:
        return run
    if all(record.epoch is None for record in run):
        raise UsageError(f'{name}: --start-epoch {args.start_epoch}, but the '
                         'loop counts iterations; use --start-iter')
    return [r for r in run if (r.epoch or 0) >= args.start_epoch]


def draw(axes, run: List[Record], key: str, name: str, label: str) -> None:
    """Draw one curve.

    Args:
        axes (Axes): Of matplotlib.
        run (list[Record]): The run.
        key (str): What to draw.
        name (str): Of the run.
        label (str): For the legend.
    """
    key = full_key(run, key, name)
    shown = [record for record in run if key in record.values]
    print(f'plot curve of {name}, metric is {key}')
    axes.plot([record.step for record in shown],
              [record.values[key] for record in shown],
              label=label,
              marker='o' if shown[0].is_eval else None,
              linewidth=1)


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the mean time of an iteration, by epochs or starts.

    Args:
        args (argparse.Namespace): The options.
    """
    for name in args.json_logs:
        print(f'-----Analyze train time of {name}-----')
        for line in time_lines(read_run(name), name, args.include_outliers):
            print(line)
        print()


def time_lines(run: List[Record], name: str,
               include_outliers: bool) -> List[str]:
    """Return what there is to say about the times of a run.

    Args:
        run (list[Record]): The run.
        name (str): Of the run, for messages.
        include_outliers (bool): Count the first value of every group.

    Raises:
        UsageError: If no value is left.
    """
    trained = [r for r in run if not r.is_eval and 'time' in r.values]
    by_epoch = any(record.epoch is not None for record in trained)
    groups: Dict[int, List[float]] = {}
    for record in trained:
        group = record.epoch if by_epoch else record.part + 1
        groups.setdefault(group, []).append(record.values['time'])
    first = 0 if include_outliers else 1
    means = {
        group: float(np.mean(times[first:]))
        for group, times in groups.items() if times[first:]
    }
    if not means:
        raise UsageError(f'{name}: no times left; reduce the log interval of '
                         'the run, or use --include-outliers')
    kind = 'epoch' if by_epoch else 'part'
    lines = []
    for word, pick in (('slowest', max), ('fastest', min)):
        group = pick(means, key=means.get)
        lines.append(f'{word} {kind} {group}, average time is '
                     f'{means[group]:.4f} s/iter')
    values = list(means.values())
    lines.append(f'time std over {kind}s is {np.std(values):.4f}')
    lines.append(f'average iter time: {np.mean(values):.4f} s/iter')
    return lines


@one_line_errors
def main() -> None:
    """Do what the command line asks for."""
    args = parse_args()
    dict(plot_curve=plot_curve, cal_train_time=cal_train_time)[args.task](args)


if __name__ == '__main__':
    main()
