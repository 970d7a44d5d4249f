"""Times of the parts of a model, from its own methods."""
import statistics
import time
from collections import defaultdict
from typing import Any, Callable, Dict, Iterable, List

import torch
from torch import nn

REST = 'rest'


def get_part(model: nn.Module, path: str) -> Any:
    """Return what a dotted path names below a model, or None."""
    for name in path.split('.'):
        model = getattr(model, name, None)
    return model


def wrap(model: nn.Module, path: str, make: Callable) -> None:
    """Replace a method, or do nothing if it is not there.

    Args:
        model (nn.Module): The model.
        path (str): Dotted path to the method.
        make (Callable): From the method to its replacement.
    """
    owner, _, name = path.rpartition('.')
    part = get_part(model, owner) if owner else model
    if part is not None:
        setattr(part, name, make(getattr(part, name)))


class Stopwatch:
    """Sums the times of methods, without those of timed methods inside.

    Args:
        device (torch.device): A GPU is waited for at both ends.
        clock (Callable): Seconds. Defaults to wall time.
    """

    def __init__(self,
                 device: torch.device,
                 clock: Callable[[], float] = time.perf_counter) -> None:
        self.device = device
        self.clock = clock
        self.seconds: Dict[str, float] = defaultdict(float)
        self._inside: List[float] = [0.]

    def now(self) -> float:
        """Return the time at which the device has done everything."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return self.clock()

    def timed(self, label: str) -> Callable:
        """Return a function that replaces a method by a timed one.

        Args:
            label (str): What the time is added to.
        """

        def make(method: Callable) -> Callable:

            def call(*args, **kwargs) -> Any:
                self._inside.append(0.)
                start = self.now()
                result = method(*args, **kwargs)
                total = self.now() - start
                self.seconds[label] += total - self._inside.pop()
                self._inside[-1] += total
                return result

            return call

        return make


class TimedModel:
    """A model whose frames are timed by the parts of the model.

    Args:
        model (nn.Module): The model; the timed methods are replaced.
        parts (dict[str, list[str]]): Dotted paths to methods by the name of
            their row. Those of a module that is not there are left out.
        device (torch.device): Of the model.
        clock (Callable): Seconds. Defaults to wall time.
    """

    def __init__(self,
                 model: nn.Module,
                 parts: Dict[str, List[str]],
                 device: torch.device,
                 clock: Callable[[], float] = time.perf_counter) -> None:
        self.model = model
        self.watch = Stopwatch(device, clock)
        for label, paths in parts.items():
            for path in paths:
                wrap(model, path, self.watch.timed(label))

    def measure(self, step: Callable, frames: Iterable) -> Dict[str, float]:
        """Return what the clock counts per frame in each part and the rest.

        Args:
            step (Callable): Processes a frame.
            frames (Iterable): What it gets; where that comes from does not
                count.
        """
        self.watch.seconds.clear()
        step = self.watch.timed(REST)(step)
        num = 0
        for num, frame in enumerate(frames, 1):
            step(frame)
        return {key: value / num for key, value in self.watch.seconds.items()}

    def milliseconds(self, *args) -> Dict[str, float]:
        """Return :meth:`measure` of a clock of seconds in milliseconds."""
        return {key: 1e3 * value for key, value in self.measure(*args).items()}


def device_name(device: torch.device, num_threads: int) -> str:
    """Return what a table says about where it was measured.

    Args:
        device (torch.device): The device.
        num_threads (int): Threads of a CPU.
    """
    return torch.cuda.get_device_name(device) if device.type == 'cuda' \
        else f'CPU, {num_threads} threads'


def spread(values: List[float], form: str = '.1f') -> str:
    """Return the median and the range of some numbers."""
    return (f'{statistics.median(values):{form}} ({min(values):{form}} to '
            f'{max(values):{form}})')


def print_table(title: str, columns: Iterable[str],
                rows: Dict[str, List[str]]) -> None:
    """Print a table in Markdown.

    Args:
        title (str): Of the first column.
        columns (Iterable[str]): Titles of the others.
        rows (dict[str, list[str]]): Cells by what they are of.
    """
    columns = list(columns)
    print(f'| {title} | {" | ".join(columns)} |')
    print(f'| --- |{" --- |" * len(columns)}')
    for label, cells in rows.items():
        print(f'| {label} | {" | ".join(cells)} |')


def part_rows(times: Dict[str, List[Dict[str, float]]],
              parts: Iterable[str]) -> Dict[str, List[str]]:
    """Return the rows of a table of the times of parts, and of all.

    Args:
        times (dict): Times of the parts of each block, by system.
        parts (Iterable[str]): The parts that get a row; the cell of a system
            without it is empty.
    """
    rows = {
        label: [
            spread([block[label]
                    for block in blocks]) if label in blocks[0] else ''
            for blocks in times.values()
        ]
        for label in parts
    }
    rows['frame'] = [
        spread([sum(block.values()) for block in blocks])
        for blocks in times.values()
    ]
    return rows
