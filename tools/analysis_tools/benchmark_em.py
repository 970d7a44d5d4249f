"""Compare ``em_cluster`` with plain torch at the two sizes that PCAN has.

Twin and operator run in turn, so that other processes hit both alike; a ratio
is that of the medians, with the range of the middle half of the pairs. Memory
is the peak above what was there before the call, output included; only the
twin and the operator that is asked for responsibilities return them.

Work that has to be done, with B problems of N pixels, C channels, K clusters
and S iterations (the softmax, about 10 BNKS operations, is left out):

- operations: E and M step are one matrix product each, 4 BNCKS in all;
- bytes: the pixels, 4 BNC, once if a problem stays on the chip, else once per
  iteration.

================ ============ =========== ====================
case             operations   bytes       operations per byte
================ ============ =========== ====================
instance         1.204 G      20.1 M      60
frame            5.426 G      180.9 M     30
================ ============ =========== ====================

The limit that is printed is the larger of operations through the rate of a
float32 matrix product and bytes through the rate of a copy, both measured in
the same run.
"""
import argparse
import ctypes
import platform
import statistics
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional

import torch
from torch.nn import functional as F

from mmvis_plugin.apis.inference import pick_device
from mmvis_plugin.ops import em_cluster, em_cluster_torch
from mmvis_plugin.ops.ext_loader import ext_devices
from mmvis_plugin.utils.cli import UsageError, one_line_errors

# Least speed-ups over the twin
WANTED = dict(
    cpu=dict(instance=4., frame=2.), cuda=dict(instance=8., frame=3.))
MAX_MEMORY = 1 / 4  # of the twin's, frame


@dataclass
class Case:
    """Sizes of one benchmark.

    Args:
        batch (int): Problems.
        num (int): Pixels of each.
        clusters (int): Prototypes.
        iters (int): Iterations.
        weighted (bool): Whether pixels have weights.
        channels (int): Of a pixel. Defaults to 256.
    """
    batch: int
    num: int
    clusters: int
    iters: int
    weighted: bool
    channels: int = 256

    @property
    def operations(self) -> float:
        """Floating point operations of the matrix products."""
        return 4. * self.batch * self.num * self.channels * self.clusters \
            * self.iters

    @property
    def bytes(self) -> float:
        """Bytes of pixels to be read; 1 MB or less stays on the chip."""
        once = 4. * self.num * self.channels
        passes = 1 if once <= 2**20 else self.iters
        return once * self.batch * passes

    def arguments(self, device: torch.device) -> tuple:
        """Return what both functions take, the same in every run.

        Args:
            device (torch.device): Where to.

        Returns:
            tuple: Pixels, start values, iterations and weights.
        """
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(
            self.batch, self.channels, self.num, generator=generator)
        # about unit length, so that rounding is not blown up by the softmax
        x = x / self.channels**0.5
        mu = torch.randn(1, self.channels, self.clusters, generator=generator)
        weight = torch.rand(self.batch, self.num, generator=generator)
        return (x.to(device), F.normalize(mu, dim=1).to(device), self.iters,
                weight.to(device) if self.weighted else None)


CASES = dict(
    instance=Case(100, 196, 10, 6, True), frame=Case(1, 58880, 30, 3, False))


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cpu', help='cpu (default), cuda')
    parser.add_argument(
        '--threads', type=int, default=2, help='CPU threads (2)')
    parser.add_argument(
        '--repeats', type=int, default=30, help='calls of each, timed (30)')
    parser.add_argument(
        '--clock',
        choices=['wall', 'cpu'],
        default='wall',
        help='cpu: processor time, which with --threads 1 other processes '
        'disturb little')
    parser.add_argument(
        '--check',
        action='store_true',
        help='exit with code 1 if the operator misses its aims: on a CPU 4 '
        'times (instance) and 2 times (frame) as fast as the twin with a '
        'quarter of its memory, on a GPU 8 and 3 times')
    return parser.parse_args()


def functions(args: tuple) -> Dict[str, Callable[[], object]]:
    """Return the calls that are compared.

    Args:
        args (tuple): Of both functions.

    Returns:
        dict: Calls without arguments, by their name in the table.
    """
    return {
        'twin': lambda: em_cluster_torch(*args),
        'operator': lambda: em_cluster(*args, with_resp=False),
        'operator, resp': lambda: em_cluster(*args),
    }


def seconds(call: Callable[[], object],
            device: torch.device,
            clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the time of a call.

    Args:
        call (Callable): What to time.
        device (torch.device): Waited for at both ends if it is a GPU.
        clock (Callable): Seconds. Defaults to wall time.
    """
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    start = clock()
    call()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return clock() - start


def extra_memory(call: Callable[[], object],
                 device: torch.device) -> Optional[float]:
    """Return the MiB that a call needs at its peak.

    Args:
        call (Callable): What to measure.
        device (torch.device): Where it allocates.

    Returns:
        float | None: None where the system does not tell.
    """
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        # free memory goes back to the system, the peak is set to now
        ctypes.CDLL('libc.so.6').malloc_trim(0)
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')
    except OSError:
        return None
    before = _status('VmRSS')
    call()
    return (_status('VmHWM') - before) / 2**10


def _status(key: str) -> int:
    with open('/proc/self/status') as file:
        return next(int(line.split()[1]) for line in file if key in line)


def rates(device: torch.device) -> Dict[str, float]:
    """Measure the operations and the bytes of a second.

    Args:
        device (torch.device): On which.

    Returns:
        dict: ``operations`` of a float32 matrix product and ``bytes`` read
        and written by a copy.
    """
    size = 8192 if device.type == 'cuda' else 2048
    matrix = torch.randn(size, size, device=device)
    source = torch.randn(2**26, device=device)
    target = torch.empty_like(source)
    best = {}
    for name, call, work in (('operations', lambda: matrix @ matrix,
                              2. * size**3),
                             ('bytes', lambda: target.copy_(source),
                              8. * source.numel())):
        best[name] = work / min(seconds(call, device) for _ in range(7))
    return best


def measure(case: Case, device: torch.device, repeats: int,
            clock: Callable[[], float]) -> dict:
    """Measure all calls of a case.

    Args:
        case (Case): The sizes.
        device (torch.device): Where.
        repeats (int): Timed calls of each.
        clock (Callable): Seconds.

    Returns:
        dict: ``times`` (seconds) and ``memory`` (MiB) by call, and the
        largest ``errors`` of the prototypes against float64.
    """
    args = case.arguments(device)
    calls = functions(args)
    exact = em_cluster_torch(*(a.double() if isinstance(a, torch.Tensor) else a
                               for a in args))[0]
    errors = {
        name: (call()[0].double() - exact).abs().max().item()
        for name, call in calls.items()
    }
    memory = {
        name: extra_memory(call, device)
        for name, call in reversed(calls.items())
    }
    for call in calls.values():
        seconds(call, device)
    times: Dict[str, List[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(seconds(call, device, clock))
    return dict(times=times, memory=memory, errors=errors)


def ratio(times: Dict[str, List[float]], name: str) -> tuple:
    """Return how many times as fast as the twin a call is.

    Args:
        times (dict): Seconds of every call.
        name (str): Which call.

    Returns:
        tuple[float]: Ratio of the medians, and the lower and the upper
        quartile of the ratios of neighbouring calls.
    """
    pairs = sorted(a / b for a, b in zip(times['twin'], times[name]))
    quarter = len(pairs) // 4
    median = statistics.median(times['twin']) / statistics.median(times[name])
    return median, pairs[quarter], pairs[-1 - quarter]


def report(name: str, case: Case, result: dict, limits: Dict[str,
                                                             float]) -> None:
    """Print the table of a case.

    Args:
        name (str): Of the case.
        case (Case): Its sizes.
        result (dict): Of :func:`measure`.
        limits (dict): Of :func:`rates`.
    """
    limit = max(case.operations / limits['operations'],
                case.bytes / limits['bytes'])
    print(f'\n{name}: B={case.batch} C={case.channels} N={case.num} '
          f'K={case.clusters}, {case.iters} iterations'
          f'{", weighted" if case.weighted else ""}; '
          f'{case.operations / 1e9:.3f} GFLOP, {case.bytes / 1e6:.1f} MB, '
          f'limit {limit * 1e3:.3f} ms')
    print(f'{"":<16}{"median ms":>10}{"min":>9}{"GFLOP/s":>9}{"limit":>7}'
          f'{"MiB":>8}{"error":>9}  times as fast (middle half)')
    for call, times in result['times'].items():
        median = statistics.median(times)
        memory = result['memory'][call]
        memory = 'n/a' if memory is None else f'{memory:.1f}'
        fast = '{:.2f} ({:.2f} ... {:.2f})'.format(
            *ratio(result['times'], call))
        print(f'{call:<16}{median * 1e3:10.3f}{min(times) * 1e3:9.3f}'
              f'{case.operations / median / 1e9:9.1f}'
              f'{limit / median:7.0%}{memory:>8}'
              f'{result["errors"][call]:9.1e}  {fast}')


def misses(results: Dict[str, dict], device_type: str) -> List[str]:
    """Name the aims that the operator misses.

    Args:
        results (dict): Of :func:`measure`, by case.
        device_type (str): ``cpu`` or ``cuda``.

    Returns:
        list[str]: One line each; empty if all are reached.
    """
    found = []
    for name, wanted in WANTED[device_type].items():
        got = ratio(results[name]['times'], 'operator')[0]
        if got < wanted:
            found.append(f'{name}: {got:.2f} times as fast, {wanted:g} wanted')
    memory = results['frame']['memory']
    if memory['twin'] is not None:
        share = memory['operator'] / memory['twin']
        if share > MAX_MEMORY:
            found.append(f'frame: {share:.2f} of the memory of the twin, '
                         f'{MAX_MEMORY:g} wanted')
    return found


@one_line_errors
def main() -> None:
    """Measure both cases and print their tables."""
    args = parse_args()
    if args.repeats < 4:
        raise UsageError('--repeats must be at least 4')
    device = pick_device(args.device)
    if device.type not in ext_devices():
        raise UsageError(f'the operators are not compiled for {device.type}: '
                         'there is nothing to compare')
    torch.set_num_threads(args.threads)
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else \
        f'CPU {platform.machine()} {torch.backends.cpu.get_cpu_capability()}'
    clock = time.process_time if args.clock == 'cpu' else time.perf_counter
    limits = rates(device)
    print(f'{name}, {args.threads} threads, torch {torch.__version__}, fp32, '
          f'{args.clock} time, {args.repeats} calls each, in turn; a matrix '
          f'product does {limits["operations"] / 1e9:.0f} GFLOP/s, a copy '
          f'{limits["bytes"] / 1e9:.0f} GB/s')
    results = {}
    for key, case in CASES.items():
        results[key] = measure(case, device, args.repeats, clock)
        report(key, case, results[key], limits)
    missed = misses(results, device.type)
    print('\n'.join(['', *missed]) if missed else '\nall aims reached')
    if args.check and missed:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
