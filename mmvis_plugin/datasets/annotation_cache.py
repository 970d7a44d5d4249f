"""Parsed annotations on disk, so that a big file is parsed once."""
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Callable, Optional

from mmengine.logging import MMLogger

from mmvis_plugin.utils.tasks import write_json
from .video_source import VideoSource

_FORMAT = 2
_HASHED_BYTES = 1 << 20


def cached_source(file: str,
                  cache_dir: Optional[str],
                  parse: Callable[[], VideoSource],
                  key: Optional[dict] = None) -> VideoSource:
    """Return the parsed source from the cache, or parse and store it.

    A cache that is stale, of another format or unreadable is rebuilt.

    Args:
        file (str): The annotation file, local.
        cache_dir (str, optional): Folder of the cache; None always parses.
        parse (Callable): Parses and checks ``file``.
        key (dict, optional): What identifies the content of ``file``, needed
            if it is a folder. Defaults to :func:`file_key`.
    """
    if cache_dir is None or (key is None and not os.path.isfile(file)):
        return parse()
    key = key or file_key(file)
    path = Path(cache_dir) / f'{Path(file).stem}-{_name_hash(file)}.json'
    source = _read(path, key)
    if source is None:
        source = parse()
        _write(path, key, source)
    return source


def file_key(file: str) -> dict:
    """Return what identifies the content of a file cheaply.

    Args:
        file (str): A local file.

    Returns:
        dict: Size (bytes), modification time (ns), sha1 of the first MiB and
        the format of the cache.
    """
    stat = os.stat(file)
    with open(file, 'rb') as stream:
        head = hashlib.sha1(stream.read(_HASHED_BYTES)).hexdigest()
    return dict(
        size=stat.st_size, mtime=stat.st_mtime_ns, sha1=head, format=_FORMAT)


def _name_hash(file: str) -> str:
    return hashlib.sha1(os.path.abspath(file).encode()).hexdigest()[:12]


def _read(path: Path, key: dict) -> Optional[VideoSource]:
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text(encoding='utf-8'))
        if stored['key'] != key:
            return None
        source = VideoSource(**stored['source'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        MMLogger.get_current_instance().warning(
            f'{path}: unreadable cache ({type(error).__name__}), rebuilt')
        return None
    source.drops = Counter(source.drops)
    return source


def _write(path: Path, key: dict, source: VideoSource) -> None:
    write_json(str(path), dict(key=key, source=vars(source)))
