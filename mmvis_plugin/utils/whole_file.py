"""Files that are there whole or not at all."""
import os
import os.path as osp
from contextlib import contextmanager
from typing import Iterator
from uuid import uuid4


@contextmanager
def whole_file(path: str) -> Iterator[str]:
    """Give a name to write to; the file gets its own when it is complete.

    Args:
        path (str): The file; its folder is made. What it holds stays if the
            block ends with an error.

    Yields:
        str: A name in the same folder.

    Examples:
        >>> with whole_file('out/results.json') as unfinished:
        ...     with open(unfinished, 'w') as file:
        ...         json.dump(results, file)
    """
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    # unlike process ids, not the same on two machines with one file system
    unfinished = f'{path}.{uuid4().hex[:12]}.tmp'
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        if osp.lexists(unfinished):
            os.remove(unfinished)


def write_whole(path: str, content: bytes) -> None:
    """Write a file that appears only when it is complete.

    Args:
        path (str): The file; its folder is made.
        content (bytes): All of it.
    """
    with whole_file(path) as unfinished:
        with open(unfinished, 'wb') as file:
            file.write(content)
