"""Process groups on machines without an accelerator."""
import os
import subprocess
from datetime import timedelta
from typing import Optional

import torch.distributed as dist

# what torch wants to know, and what launchers call it
_VARIABLES = dict(
    pytorch=dict(RANK='RANK', WORLD_SIZE='WORLD_SIZE'),
    slurm=dict(
        RANK='SLURM_PROCID',
        WORLD_SIZE='SLURM_NTASKS',
        LOCAL_RANK='SLURM_LOCALID'),
    mpi=dict(
        RANK='OMPI_COMM_WORLD_RANK',
        WORLD_SIZE='OMPI_COMM_WORLD_SIZE',
        LOCAL_RANK='OMPI_COMM_WORLD_LOCAL_RANK'))


def init_cpu_group(launcher: str,
                   backend: str = 'gloo',
                   timeout: Optional[float] = None,
                   port: Optional[int] = None,
                   **kwargs) -> None:
    """Join the processes of a launcher to a group, without CUDA.

    mmengine's ``init_dist`` chooses a CUDA device in any case, which fails
    where there is none.

    Args:
        launcher (str): 'pytorch', 'slurm' or 'mpi'.
        backend (str): Of ``torch.distributed``; 'nccl' becomes 'gloo'.
        timeout (float, optional): Seconds until a collective call fails.
        port (int, optional): Port of rank 0. Defaults to the environment
            variable ``MASTER_PORT``, without it 29500.
        **kwargs: More options of ``init_process_group``.

    Raises:
        ValueError: If the launcher is unknown or did not start this process.
    """
    if launcher not in _VARIABLES:
        raise ValueError(f'launcher={launcher!r}, expected one of '
                         f'{sorted(_VARIABLES)}')
    for name, source in _VARIABLES[launcher].items():
        if source not in os.environ:
            raise ValueError(
                f'launcher={launcher!r}: environment variable {source} is '
                'not set, expected the launcher to set it; start with '
                'tools/dist_*.sh or tools/slurm_*.sh')
        os.environ[name] = os.environ[source]
    if port is not None:
        os.environ['MASTER_PORT'] = str(port)
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_host(launcher)
    if timeout is not None:
        kwargs['timeout'] = timedelta(seconds=timeout)
    dist.init_process_group('gloo' if backend == 'nccl' else backend, **kwargs)


def _first_host(launcher: str) -> str:
    if launcher != 'slurm':
        raise ValueError(f'launcher={launcher!r}: environment variable '
                         'MASTER_ADDR is not set, expected the host of rank 0')
    nodes = os.environ['SLURM_NODELIST']
    return subprocess.run(['scontrol', 'show', 'hostnames', nodes],
                          check=True,
                          capture_output=True,
                          text=True).stdout.splitlines()[0]
