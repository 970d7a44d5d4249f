"""Progress of a stream of frames, or of other things."""
import sys
import time
from typing import Optional

from rich.console import Console
from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn,
                           TimeRemainingColumn)


class FrameProgress:
    """Show how many frames are done: a bar on a terminal, else plain lines.

    Args:
        total (int, optional): Number of frames, if it is known. Defaults to
            None.
        label (str): What is counted. Defaults to 'frames'.
        interval (float): Seconds between plain lines. Defaults to 10.
        visible (bool): Show it at all; it counts anyway. Defaults to True.

    Examples:
        >>> with FrameProgress(total=100) as progress:
        ...     for frame in frames:
        ...         progress.advance()
    """

    def __init__(self,
                 total: Optional[int] = None,
                 label: str = 'frames',
                 interval: float = 10.,
                 visible: bool = True) -> None:
        self.total = total
        self.visible = visible
        self.label = label
        self.interval = interval
        self.count = 0
        self._unit = 'fps' if label == 'frames' else f'{label}/s'
        self._start = self._last_line = time.perf_counter()
        self._bar: Optional[Progress] = None

    @property
    def fps(self) -> float:
        """float: Frames per second since the start."""
        return self.count / max(time.perf_counter() - self._start, 1e-9)

    def __enter__(self) -> 'FrameProgress':
        self._start = self._last_line = time.perf_counter()
        console = Console(file=sys.stderr)
        if self.visible and console.is_terminal:
            self._bar = Progress(
                TextColumn(self.label),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn('{task.fields[fps]:.1f} ' + self._unit),
                TimeRemainingColumn(),
                console=console)
            self._bar.add_task(self.label, total=self.total, fps=0.)
            self._bar.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int = 1) -> None:
        """Count frames.

        Args:
            steps (int): How many are done since the last call. Defaults
                to 1.
        """
        self.count += steps
        now = time.perf_counter()
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], advance=steps, fps=self.fps)
        elif self.visible and now - self._last_line >= self.interval:
            self._last_line = now
            total = f'/{self.total}' if self.total else ''
            print(
                f'{self.label}: {self.count}{total}, {self.fps:.1f} '
                f'{self._unit}',
                file=sys.stderr,
                flush=True)
