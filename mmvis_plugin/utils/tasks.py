"""Run many independent tasks in processes, so that a stop loses little."""
import json
import os.path as osp
import shutil
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from hashlib import sha1
from typing import Any, Callable, Dict, Hashable, Iterator, Mapping, Optional

from .progress import FrameProgress
from .whole_file import whole_file


def write_json(path: str, content: Any) -> None:
    """Write a JSON file that appears only when it is complete.

    Args:
        path (str): The file; its folder is made.
        content (Any): What JSON can hold.
    """
    with whole_file(path) as unfinished:
        with open(unfinished, 'w') as file:
            json.dump(content, file)


class TaskParts:
    """The results of finished tasks, one file each, kept until all are there.

    Args:
        folder (str): Where they lie, e.g. ``<out>/.parts``.
        options (Mapping): What the results depend on, next to the task. Parts
            that were made with other options are thrown away.
    """

    def __init__(self, folder: str, options: Mapping) -> None:
        self.folder = folder
        stamp_file = osp.join(folder, 'options.json')
        stamp = json.loads(json.dumps(dict(options)))
        if osp.isdir(folder) and _read(stamp_file) != stamp:
            shutil.rmtree(folder)
        write_json(stamp_file, stamp)

    def path(self, name: Hashable) -> str:
        """Return the file of a task."""
        digest = sha1(str(name).encode()).hexdigest()[:20]
        return osp.join(self.folder, f'{digest}.part.json')

    def __contains__(self, name: Hashable) -> bool:
        return osp.exists(self.path(name))

    def __getitem__(self, name: Hashable) -> Any:
        return _read(self.path(name))['result']

    def remove(self) -> None:
        """Remove the folder: all results are where they belong."""
        shutil.rmtree(self.folder, ignore_errors=True)


def run_tasks(function: Callable[[Any], Any],
              tasks: Mapping[Hashable, Any],
              parts: TaskParts,
              workers: int = 1,
              label: str = 'videos') -> Iterator[Any]:
    """Yield ``function(task)`` of each task, in the order of the tasks.

    Each result is on disk before it counts as done, so a call after a stop
    goes on where the last one ended. Results are read back one at a time:
    memory does not grow with the number of tasks.

    Args:
        function (Callable): Of a module's top level. Writes its own files, if
            there are any, atomically; returns what JSON can hold, not None.
        tasks (Mapping): Arguments by name; a name is unique.
        parts (TaskParts): Keeps the results. The caller removes it when
            its own output is complete.
        workers (int): Number of processes; 1 runs in this one. Defaults to 1.
        label (str): What a task is called in the progress line.

    Raises:
        AnnotationError: A task found its input broken. Running ones end
            first, and what they did is kept.
        FileNotFoundError: An input of a task is missing.
    """
    open_tasks = {n: task for n, task in tasks.items() if n not in parts}
    with FrameProgress(len(tasks), label) as progress:
        progress.advance(len(tasks) - len(open_tasks))
        if workers <= 1:
            for name, task in open_tasks.items():
                _run_one(function, task, parts.path(name))
                progress.advance()
        elif open_tasks:
            _run_pool(function, open_tasks, parts, workers, progress)
    for name in tasks:
        yield parts[name]


def _run_one(function: Callable, task: Any, path: str) -> None:
    result = function(task)
    if result is None:
        raise TypeError(f'{function.__name__} returned None, expected what '
                        'JSON can hold')
    write_json(path, dict(result=result))


def _run_pool(function: Callable, tasks: Dict[Hashable, Any], parts: TaskParts,
              workers: int, progress: FrameProgress) -> None:
    with ProcessPoolExecutor(min(workers, len(tasks))) as pool:
        waiting = {
            pool.submit(_run_one, function, task, parts.path(name))
            for name, task in tasks.items()
        }
        while waiting:
            done, waiting = wait(
                waiting, timeout=1., return_when=FIRST_EXCEPTION)
            progress.advance(len(done))
            failed = [future for future in done if future.exception()]
            if failed:
                pool.shutdown(cancel_futures=True)
                raise failed[0].exception()


def _read(path: str) -> Optional[Any]:
    """Read a JSON file; None if there is none or a stop left it broken."""
    try:
        with open(path) as file:
            return json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        return None
