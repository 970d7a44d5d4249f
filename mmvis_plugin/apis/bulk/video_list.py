"""Videos of a folder or a list, each under a name of its own."""
import os
import os.path as osp
import re
from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.video_reader import IMAGE_SUFFIXES, natural_key

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg',
                  '.mpeg', '.wmv', '.flv', '.ts', '.mts', '.3gp')
_JOINED = '__'


@dataclass(frozen=True)
class ListedVideo:
    """A video that is to be processed.

    Attributes:
        name (str): Name of its outputs; no other video has it.
        source (str): Absolute path or URL.
    """
    name: str
    source: str

    def stamp(self) -> Optional[List[int]]:
        """Return what changes with the content: size, seconds of change.

        Returns:
            list[int] or None: Size 0 for folders; None if it is not there.
        """
        try:
            found = os.stat(self.source)
        except OSError:
            return None
        is_folder = osp.isdir(self.source)
        return [0 if is_folder else found.st_size, int(found.st_mtime)]


def list_videos(inputs: str,
                root: Optional[str] = None,
                skip: Sequence[str] = (),
                keep_suffix: bool = False) -> List[ListedVideo]:
    """Return the videos of a folder or a list file, in natural order.

    Args:
        inputs (str): Folder that is searched for video files and for folders
            of images, or a text file with one of these (or a URL) per line;
            empty lines and those that start with '#' are left out.
        root (str, optional): Paths in a list are relative to it, and so are
            names. None is the folder that is searched, or the current one.
            Defaults to None.
        skip (Sequence[str]): Folders that are not searched. Defaults to ().
        keep_suffix (bool): Keep '.mp4' in names. Defaults to False.

    Returns:
        list[ListedVideo]: Names are paths relative to ``root`` with '__'
        for '/'.

    Raises:
        FileNotFoundError: If there is no such folder or list.
        AnnotationError: If it holds no video, or two of one name.
    """
    if osp.isdir(inputs):
        sources = sorted(_search(inputs, skip), key=natural_key)
    elif osp.isfile(inputs):
        sources = _read_list(inputs, root or '.')
    else:
        raise FileNotFoundError(f'{inputs}: no such folder or list file')
    if not sources:
        raise AnnotationError(
            f'{inputs}: holds no video, expected files as '
            f'{", ".join(VIDEO_SUFFIXES[:4])} or folders of images, or a text '
            'file with their paths')
    root = root or (inputs if osp.isdir(inputs) else '.')
    return _named(sources, osp.abspath(root), keep_suffix)


def _search(folder: str, skip: Sequence[str]) -> Iterator[str]:
    seen = {osp.realpath(path) for path in skip}
    for path, folders, files in os.walk(osp.abspath(folder), followlinks=True):
        if osp.realpath(path) in seen:  # links may lead in circles
            folders.clear()
            continue
        seen.add(osp.realpath(path))
        folders[:] = [name for name in folders if not name.startswith('.')]
        files = [name for name in files if not name.startswith('.')]
        videos = [n for n in files if n.lower().endswith(VIDEO_SUFFIXES)]
        yield from (osp.join(path, name) for name in videos)
        if not videos and any(n.lower().endswith(IMAGE_SUFFIXES)
                              for n in files):
            yield path


def _read_list(path: str, root: str) -> List[str]:
    with open(path, encoding='utf-8') as file:
        try:
            lines = [line.strip() for line in file]
        except UnicodeDecodeError:
            raise AnnotationError(
                f'{path}: no text, expected a list of videos, one per line; '
                'of a single video take video_demo.py') from None
    sources = [
        line if '://' in line else osp.abspath(osp.join(root, line))
        for line in lines if line and not line.startswith('#')
    ]
    return list(dict.fromkeys(sources))


def _named(sources: Sequence[str], root: str,
           keep_suffix: bool) -> List[ListedVideo]:
    owners: dict = {}
    for source in sources:
        name = _name(source, root, keep_suffix)
        if name in owners:
            raise AnnotationError(
                f'{owners[name]} and {source} would both be called {name}; '
                'rename one, or keep suffixes in names (--keep-suffix)')
        owners[name] = source
    return [ListedVideo(name, source) for name, source in owners.items()]


def _name(source: str, root: str, keep_suffix: bool) -> str:
    if '://' in source:
        return re.sub(r'\W+', '_', source.split('://', 1)[1]).strip('_')
    path = osp.relpath(source, root)
    if path == osp.curdir:
        path = osp.basename(source)
    if path.startswith(osp.pardir):  # outside of the root
        path = osp.splitdrive(source)[1].lstrip(os.sep)
    if path.lower().endswith(VIDEO_SUFFIXES) and not keep_suffix:
        path = osp.splitext(path)[0]
    return path.replace(os.sep, _JOINED)
