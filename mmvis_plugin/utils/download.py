"""Fetch a file whole and right, or not at all."""
import hashlib
import logging
import os
import os.path as osp
import re
import shutil
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import ContextManager, Iterator, List, Optional, Sequence
from urllib.parse import unquote, urlsplit

import torch
from mmengine.logging import print_log

from .errors import DownloadError
from .http_source import (CHUNK, HttpSource, MirrorError, PassingError,
                          RangeError)
from .model_names import ModelEntry
from .partial_file import PartialFile
from .progress import FrameProgress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# eight digits that are a date are no hash
_HASH = re.compile(r'-(?!20\d\d[01]\d[0-3]\d\.)([0-9a-f]{8,64})\.\w+$')
# A connection that brought this much (bytes) does not count as failed.
_ENOUGH = 1 << 16
_MEGABYTE = 1000000


def hash_in_name(name: str) -> Optional[str]:
    """Return the first digits of the sha256 that a file name ends in.

    Args:
        name (str): Path or URL, such as ``inspro_r50-0123abcd.pth``.

    Returns:
        str or None: 8 to 64 hexadecimal digits.
    """
    found = _HASH.search(name_of(name))
    return found[1] if found else None


def name_of(address: str) -> str:
    """Return the file name at the end of a path or a URL.

    Args:
        address (str): Path or URL; a query is left out.

    Returns:
        str: The name, '' if the address ends in a slash.
    """
    if '://' in address:
        address = unquote(urlsplit(address).path)
    return re.split(r'[/\\]', address)[-1]


def sha256_of(path: str) -> str:
    """Return the sha256 of a file.

    Args:
        path (str): The file; it is not held in memory.

    Returns:
        str: 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def download(urls: Sequence[str],
             path: str,
             sha256: Optional[str] = None,
             retries: int = 4,
             timeout: float = 30.,
             pause: float = 1.,
             show_progress: bool = False) -> str:
    """Fetch a file from the first mirror that gives the right one.

    What has arrived is kept in ``<path>.part`` until the file is complete,
    so a later call goes on where this one was stopped. ``path`` itself
    appears when all of it is there and has the right hash; a file with a
    wrong hash is thrown away. The hash is that at the end of the name
    (``...-0123abcd.pth``) and ``sha256``, as far as they are given.

    Args:
        urls (Sequence[str]): Addresses of http or https of one and the same
            file, tried in turn.
        path (str): Where it goes. If it is there and right, nothing is
            fetched; without a hash it is taken as it is.
        sha256 (str, optional): Its hash, or at least 8 digits of it.
            Defaults to None.
        retries (int): Failures in a row that each mirror is forgiven.
            Defaults to 4.
        timeout (float): Seconds without any data that count as failure.
            Defaults to 30.
        pause (float): Seconds before the first new try; doubled each time.
            Defaults to 1.
        show_progress (bool): Show a bar, or lines. Defaults to False.

    Returns:
        str: ``path``.

    Raises:
        DownloadError: No mirror gives the right file, or there is no space
            for it.
    """
    hashes = _expected_hashes([*urls, path], sha256)
    if osp.isdir(path):
        raise DownloadError(f'{path}: a folder, expected the name of a file')
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    with _only_one(path):
        if osp.isfile(path) and _is_right(path, hashes):
            return path
        task = _Download(path, hashes, timeout, show_progress)
        failures = [
            f'{url}: {task.fetch(url, retries, pause)}' for url in urls
            if not task.done
        ]
        if not task.done:
            kept = task.partial.size
            hint = f'; {kept} bytes are kept, call again to go on' * (kept > 0)
            raise DownloadError(
                f'{path}: not downloaded; {"; ".join(failures)}{hint}')
    return path


def fetch_weights(entry: ModelEntry,
                  folder: Optional[str] = None,
                  show_progress: bool = True) -> Optional[str]:
    """Return a local file with the weights of a model of the zoo.

    Args:
        entry (ModelEntry): From :func:`~.model_names.find_model`.
        folder (str, optional): Where downloads go; None is the folder that
            torch uses for checkpoints. Defaults to None.
        show_progress (bool): Show the progress. Defaults to True.

    Returns:
        str or None: The file, None if the model has no weights.

    Raises:
        DownloadError: They cannot be fetched.
    """
    if entry.weights is None or '://' not in entry.weights:
        return entry.weights
    folder = folder or osp.join(torch.hub.get_dir(), 'checkpoints')
    return download([entry.weights, *entry.mirrors],
                    osp.join(folder, name_of(entry.weights)),
                    entry.sha256,
                    show_progress=show_progress)


class _Download:
    """A file on its way."""

    def __init__(self, path: str, hashes: List[str], timeout: float,
                 show_progress: bool) -> None:
        self.path, self.hashes = path, hashes
        self.timeout, self.show_progress = timeout, show_progress
        self.partial = PartialFile(path)
        self.done = False

    def fetch(self, url: str, retries: int, pause: float) -> Optional[str]:
        """Try one mirror; return why it failed, or None."""
        failures = 0
        while True:
            before = self.partial.size
            try:
                self._attempt(url)
                return None
            except MirrorError as err:
                return str(err)
            except RangeError as err:
                self.partial.forget()
                reason = str(err)
            except PassingError as err:
                reason = str(err)
            if self.partial.size - before >= _ENOUGH:
                failures = 0
            if failures >= retries:
                return reason
            time.sleep(pause * 2**failures)
            failures += 1

    def _attempt(self, url: str) -> None:
        start, validator = self.partial.resume(url, bool(self.hashes))
        with HttpSource(url, start, validator, self.timeout) as source:
            if not self.hashes and not source.framed:
                raise MirrorError(
                    'does not say how long the file is, and without a hash '
                    'nobody knows whether it is complete; give its sha256')
            self._check_space(source)
            if not source.complete:
                self._write(source, url)
        self._finish(resumed=source.start > 0)

    def _check_space(self, source: HttpSource) -> None:
        free = shutil.disk_usage(osp.dirname(osp.abspath(self.path))).free
        # what lies behind source.start is overwritten
        missing = (source.total or 0) - self.partial.size
        if free < missing:
            raise DownloadError(
                f'{self.path}: {missing / 1e6:.1f} MB are missing, but only '
                f'{free / 1e6:.1f} MB are free on the disk; make room or '
                'choose another folder')

    def _write(self, source: HttpSource, url: str) -> None:
        done = source.start
        try:
            with self.partial.open(source, url) as file, self._progress(
                    source.total) as progress:
                _advance(progress, 0, done)
                for chunk in source.chunks():
                    file.write(chunk)
                    _advance(progress, done, done + len(chunk))
                    done += len(chunk)
        except OSError as err:
            raise DownloadError(f'{self.partial.path}: cannot be written '
                                f'({err.strerror or err}); free some space or '
                                'choose another folder') from None

    def _progress(
            self,
            total: Optional[int]) -> ContextManager[Optional[FrameProgress]]:
        if not self.show_progress:
            return nullcontext()
        return FrameProgress(total and -(-total // _MEGABYTE), 'MB')

    def _finish(self, resumed: bool) -> None:
        """Give the file its name if it is the right one."""
        found = sha256_of(self.partial.path) if self.hashes else ''
        if not all(found.startswith(word) for word in self.hashes):
            size = self.partial.size
            self.partial.forget()
            text = (f'gives {size} bytes with sha256 {found[:8]}..., '
                    f'expected {max(self.hashes, key=len)}')
            # the bytes of an earlier call may have been the wrong ones
            raise PassingError(text) if resumed else MirrorError(text)
        os.replace(self.partial.path, self.path)
        self.partial.forget()
        self.done = True


def _advance(progress: Optional[FrameProgress], before: int,
             after: int) -> None:
    """Count whole megabytes."""
    if progress is not None:
        progress.advance(after // _MEGABYTE - before // _MEGABYTE)


def _expected_hashes(names: Sequence[str], sha256: Optional[str]) -> List[str]:
    """Return the different hashes that are known of one file.

    Raises:
        DownloadError: They contradict each other.
    """
    if sha256 is not None:
        sha256 = sha256.lower()
        if not re.fullmatch('[0-9a-f]{8,64}', sha256):
            raise DownloadError(f'sha256 {sha256!r}: expected 8 to 64 '
                                'hexadecimal digits')
    words = {hash_in_name(name) for name in names} | {sha256}
    hashes = sorted(word for word in words if word)
    for word in hashes:
        if not hashes[-1].startswith(word) and not word.startswith(hashes[-1]):
            raise DownloadError(
                f'{names[-1]}: sha256 {word} and {hashes[-1]} are both '
                'expected of it; expected names and hash of one file')
    return hashes


def _is_right(path: str, hashes: Sequence[str]) -> bool:
    """Tell whether a file that is there already is the one wanted."""
    found = sha256_of(path) if hashes else ''
    if all(found.startswith(word) for word in hashes):
        return True
    print_log(
        f'{path}: has sha256 {found[:8]}..., expected {hashes[-1]}; it is '
        'fetched again', 'current', logging.WARNING)
    return False


@contextmanager
def _only_one(path: str) -> Iterator[None]:
    """Keep other processes from fetching the same file meanwhile."""
    if fcntl is None:
        yield
        return
    name = f'{path}.lock'
    while True:
        with open(name, 'w') as file:
            with suppress(OSError):  # some file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
            # the process that had it has removed its name
            if os.fstat(file.fileno()).st_nlink == 0:
                continue
            try:
                yield
            finally:
                os.remove(name)
            return
