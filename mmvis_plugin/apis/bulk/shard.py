"""Which part of the work a process has."""
import os
from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, TypeVar

import torch
import torch.distributed as dist

from mmvis_plugin.utils.cpu_group import init_cpu_group

T = TypeVar('T')
_FOREVER = 30 * 24 * 3600.


@dataclass(frozen=True)
class Shard:
    """One of several parts of equal size.

    Attributes:
        index (int): Which one, from 0.
        count (int): Of how many.
        origin (str): What said so.
    """
    index: int = 0
    count: int = 1
    origin: str = 'no launcher'

    def of(self, items: Sequence[T]) -> List[T]:
        """Return the items of this part: every ``count``-th.

        Args:
            items (Sequence): All of them, in an order that all processes
                agree on.
        """
        return list(items[self.index::self.count])

    def __str__(self) -> str:
        return f'shard {self.index}/{self.count} ({self.origin})'


def find_shard(text: Optional[str] = None,
               environment: Optional[Mapping[str, str]] = None) -> Shard:
    """Return the part of this process.

    Args:
        text (str, optional): ``I/N`` with I from 0; goes before what the
            environment says. Defaults to None.
        environment (Mapping, optional): Variables of a launcher; None takes
            those of the process. Defaults to None.

    Returns:
        Shard: From ``text``, else the task of a Slurm array times the rank
        of torchrun or srun, else everything.

    Raises:
        ValueError: If the text is no shard, or the tasks of an array do not
            say how many there are.
    """
    if text is not None:
        return _written(text)
    values = os.environ if environment is None else environment
    array, rank = _array_task(values), _rank(values)
    if array is None or rank is None:
        return array or rank or Shard()
    return Shard(array.index * rank.count + rank.index,
                 array.count * rank.count, f'{array.origin} x {rank.origin}')


def _written(text: str) -> Shard:
    index, _, count = text.partition('/')
    if not (index.isdecimal() and count.isdecimal()
            and int(index) < int(count)):
        raise ValueError(f'shard {text!r}: expected I/N with I from 0 to '
                         'N - 1, such as 0/8')
    return Shard(int(index), int(count), '--shard')


def _array_task(values: Mapping[str, str]) -> Optional[Shard]:
    if 'SLURM_ARRAY_TASK_ID' not in values:
        return None
    task, first, last, step, count = (int(
        values.get(
            f'SLURM_ARRAY_TASK_{name}',
            default)) for name, default in zip(('ID', 'MIN', 'MAX', 'STEP',
                                                'COUNT'), '00011'))
    # of "1,3,7" nobody can tell which is the second
    if (last - first) // step + 1 != count:
        raise ValueError(
            f'Slurm array of {count} tasks from {first} to {last}: expected '
            'one without gaps, such as --array=0-7, or --shard I/N')
    return Shard((task - first) // step, count, 'Slurm array')


def _rank(values: Mapping[str, str]) -> Optional[Shard]:
    if 'RANK' in values and 'WORLD_SIZE' in values:
        return Shard(
            int(values['RANK']), int(values['WORLD_SIZE']), 'torchrun')
    # in a batch script, outside of srun, SLURM_NTASKS is set, too
    count = int(values.get('SLURM_STEP_NUM_TASKS', 1))
    if count > 1 and 'SLURM_PROCID' in values:
        return Shard(int(values['SLURM_PROCID']), count, 'srun')
    return None


def local_device() -> Optional[str]:
    """Return the GPU of this process among those of the machine.

    Returns:
        str or None: None where there is no GPU, or no launcher to share
        several.
    """
    rank = os.environ.get('LOCAL_RANK', os.environ.get('SLURM_LOCALID'))
    count = torch.cuda.device_count()
    return None if rank is None or not count else f'cuda:{int(rank) % count}'


def wait_for_ranks() -> None:
    """Wait until all processes of torchrun have come here.

    It stops the others when one ends with another code than 0.
    """
    if int(os.environ.get('WORLD_SIZE', 1)) > 1 and 'RANK' in os.environ:
        init_cpu_group('pytorch', timeout=_FOREVER)
        dist.barrier()
        dist.destroy_process_group()
