"""Choose the checkpoint that a run goes on from."""
import os.path as osp
import zipfile
import zlib
from typing import List, Optional, Tuple

from mmengine.dist import all_gather_object

from .checkpoint import latest_checkpoint, numbered_checkpoints
from .errors import CheckpointError


def find_whole_checkpoint(work_dir: str) -> Tuple[Optional[str], List[str]]:
    """Find the newest checkpoint of a run that is not damaged.

    Args:
        work_dir (str): Folder of the run.

    Returns:
        tuple[str | None, list[str]]: The checkpoint, None if the run has
        none at all, and why each newer one was passed over.

    Raises:
        CheckpointError: The run has checkpoints, and all are damaged.
    """
    newest = latest_checkpoint(work_dir)
    if newest is None:
        return None, []
    damaged: List[str] = []
    for path in [newest, *_before(newest, work_dir)]:
        reason = find_damage(path)
        if reason is None:
            return path, damaged
        damaged.append(f'{path}: {reason}')
    raise CheckpointError(
        f'{work_dir}: none of its {len(damaged)} checkpoints is whole '
        f'({damaged[0]}); give a copy with --resume CKPT, or begin anew in '
        'another --work-dir')


def _before(newest: str, work_dir: str) -> List[str]:
    # files with higher numbers are left from an earlier run
    numbers = numbered_checkpoints(work_dir)
    names = {osp.basename(path): n for n, path in numbers.items()}
    last = names.get(osp.basename(newest))
    return [
        numbers[n] for n in sorted(numbers, reverse=True)
        if last is None or n < last
    ]


def find_damage(path: str) -> Optional[str]:
    """Look whether each byte of a checkpoint is what was written.

    torch itself does not compare the checksums that it writes: it loads
    what a disk has turned into noise.

    Args:
        path (str): A checkpoint of training, which is a zip file.

    Returns:
        str or None: What is wrong with it, None if nothing is.
    """
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
    except (OSError, EOFError, ValueError, NotImplementedError, zlib.error,
            zipfile.BadZipFile) as err:
        return f'not a whole checkpoint ({err})'
    return broken and f'its part {broken} is damaged'


def require_agreement(path: Optional[str]) -> None:
    """Raise unless all processes go on from the same checkpoint.

    Args:
        path (str, optional): What this process has chosen.

    Raises:
        CheckpointError: Some have chosen another.
    """
    chosen = sorted({str(p) for p in all_gather_object(path)})
    if len(chosen) > 1:
        raise CheckpointError(
            f'the processes go on from different checkpoints: {chosen}, '
            'expected one; give it with --resume CKPT, on a disk that all '
            'machines see')
