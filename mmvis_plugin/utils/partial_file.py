"""The beginning of a file that is being fetched."""
import json
import os
import os.path as osp
from contextlib import contextmanager
from typing import BinaryIO, Iterator, Optional, Tuple

from .http_source import HttpSource
from .whole_file import whole_file


class PartialFile:
    """The first bytes of a file, and a note on where they came from.

    Args:
        path (str): Name of the file when it is complete. The bytes lie in
            ``<path>.part``, the note in ``<path>.part.json``.
    """

    def __init__(self, path: str) -> None:
        self.path = f'{path}.part'
        self.note = f'{path}.part.json'

    @property
    def size(self) -> int:
        """int: Number of bytes that are there."""
        return osp.getsize(self.path) if osp.isfile(self.path) else 0

    def resume(self, url: str, checked: bool) -> Tuple[int, Optional[str]]:
        """Return what to ask an address for.

        Bytes of another address, or of an unknown version of the file, are
        of use only where a hash will tell whether all belongs together; else
        they are removed.

        Args:
            url (str): The address.
            checked (bool): The hash of the file is known.

        Returns:
            tuple[int, str | None]: First byte that is missing, and the
            version of the file it has to belong to if that is known.
        """
        note = self._read_note()
        if note.get('url') == url and note.get('validator'):
            return self.size, note['validator']
        if not checked:
            self.forget()
        return self.size, None

    def _read_note(self) -> dict:
        try:
            with open(self.note, encoding='utf-8') as file:
                note = json.load(file)
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    @contextmanager
    def open(self, source: HttpSource, url: str) -> Iterator[BinaryIO]:
        """Open the file to write what a source gives.

        Args:
            source (HttpSource): The file is cut to where it starts.
            url (str): Its address.

        Yields:
            BinaryIO: The file, at its end.
        """
        with whole_file(self.note) as unfinished:
            with open(unfinished, 'w', encoding='utf-8') as file:
                json.dump(dict(url=url, validator=source.validator), file)
        with open(self.path, 'ab') as file:
            file.truncate(source.start)
            yield file

    def forget(self) -> None:
        """Remove what is there."""
        for path in (self.path, self.note):
            if osp.isfile(path):
                os.remove(path)
