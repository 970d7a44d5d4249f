"""Who works on what, among processes that share nothing but a folder."""
import json
import os
import os.path as osp
import socket
import threading
import time
from hashlib import sha1
from typing import Dict, List, Optional, Tuple

FREE, LIVE, UNKNOWN = 'free', 'live', 'unknown'
_BEATS = 6  # signs of life until a claim would count as stale


class Claims:
    """Give each name to one process at a time.

    A claim is a file that exactly one process can create. It is numbered: a
    claim whose holder is gone is not removed but outnumbered, so two
    processes that find the same stale claim cannot both take it over. The
    holder is gone if it was a process of this machine that no longer runs;
    of other machines, if the file has shown no sign of life for some time,
    counted on the clock of the observer.

    Args:
        folder (str): Where claims lie; shared by all processes.
        stale_after (float): Seconds without a sign of life. A file server
            may tell of one a minute late. Defaults to 180.
    """

    def __init__(self, folder: str, stale_after: float = 180.) -> None:
        self.folder = folder
        self.stale_after = stale_after
        self._seen: Dict[str, Tuple[int, float, bool]] = {}
        os.makedirs(folder, exist_ok=True)

    def take(self, name: str) -> Optional['Claim']:
        """Claim a name.

        Args:
            name (str): Any text.

        Returns:
            Claim or None: None if another process holds it, or may do so.
        """
        stem = self._stem(name)
        # looked up once: the number after the claim that was judged
        number = max(_numbers(stem), default=-1)
        if self._judged(f'{stem}.{number}') != FREE:
            return None
        claim = Claim(stem, number + 1, self.stale_after / _BEATS)
        return claim if claim.create() else None

    def state(self, name: str) -> str:
        """Tell whether a name can be claimed.

        Args:
            name (str): Any text.

        Returns:
            str: 'free', 'live' (held by a process that is known to run) or
            'unknown' (by one that has yet to show it).
        """
        stem = self._stem(name)
        return self._judged(f'{stem}.{max(_numbers(stem), default=-1)}')

    def _judged(self, path: str) -> str:
        try:
            changed = os.stat(path).st_mtime_ns
            with open(path, encoding='utf-8') as file:
                holder = _parsed(file.read())
        except FileNotFoundError:  # there is none, or it has just gone
            return FREE
        if holder.get('machine') == this_machine():
            return LIVE if _runs(holder) else FREE
        return self._observed(path, changed)

    def _observed(self, path: str, changed: int) -> str:
        """Judge the process of another machine by its signs of life."""
        now = time.monotonic()
        before, since, alive = self._seen.get(path, (changed, now, False))
        if changed != before:
            since, alive = now, True
        self._seen[path] = changed, since, alive
        if now - since >= self.stale_after:
            return FREE
        return LIVE if alive else UNKNOWN

    def _stem(self, name: str) -> str:
        return osp.join(self.folder, sha1(name.encode()).hexdigest()[:20])


class Claim:
    """A name in the hands of this process; a context manager.

    Inside of the context a thread keeps showing signs of life; at its end
    the claim is given up.

    Args:
        stem (str): Path of the claim without its number.
        number (int): The number.
        beat (float): Seconds between signs of life.

    Attributes:
        path (str): The file.
        number (int): How many processes have ended with this claim in their
            hands, without giving it up.
    """

    def __init__(self, stem: str, number: int, beat: float) -> None:
        self.path = f'{stem}.{number}'
        self._stem = stem
        self.number = number
        self._beat = beat
        self._ended = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def create(self) -> bool:
        """Create the file.

        Returns:
            bool: False if another process was first.
        """
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(handle, 'w', encoding='utf-8') as file:
            json.dump(this_process(), file)
        return True

    def holds(self) -> bool:
        """Tell whether nobody has taken the name over.

        A process that was suspended for long may have lost it.
        """
        numbers = _numbers(self._stem)
        return bool(numbers) and max(numbers) == self.number

    def __enter__(self) -> 'Claim':
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        self._ended.set()
        self._thread.join()
        # those of processes that are gone lie below
        for number in _numbers(self._stem):
            if number <= self.number:
                _remove(f'{self._stem}.{number}')

    def _live(self) -> None:
        while not self._ended.wait(self._beat):
            try:
                os.utime(self.path)
            except OSError:  # the file server may be back at the next beat
                pass


def this_machine() -> str:
    """Return what only processes that see one another's ids share."""
    parts = [socket.gethostname()]
    try:
        with open('/proc/sys/kernel/random/boot_id') as file:
            parts.append(file.read().strip())
        # containers on one machine may have the same name
        parts.append(os.readlink('/proc/self/ns/pid'))
    except OSError:  # another system than Linux
        pass
    return ' '.join(parts)


def this_process() -> dict:
    """Return what tells this process from all others."""
    pid = os.getpid()
    return dict(machine=this_machine(), pid=pid, started=_started(pid))


def _runs(holder: dict) -> bool:
    pid = holder.get('pid', -1)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, under another user
        pass
    return holder.get('started') == _started(pid)


def _started(pid: int) -> Optional[str]:
    """Return when a process started, '' if it has ended; None if unknown."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            # the name of the program before may hold anything
            fields = file.read().rpartition(')')[2].split()
    except OSError:
        return None
    return '' if fields[0] in 'ZX' else fields[19]


def _parsed(text: str) -> dict:
    try:
        return json.loads(text)
    except ValueError:  # its process is about to write it, or was killed
        return {}


def _numbers(stem: str) -> List[int]:
    """Return the numbers of all claims on a name."""
    folder, start = osp.split(stem)
    return [
        int(name.rpartition('.')[2]) for name in os.listdir(folder)
        if name.startswith(f'{start}.')
    ]


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        pass
