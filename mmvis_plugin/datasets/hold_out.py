"""Which videos of a training set are kept back for validation."""
from hashlib import sha1
from typing import Iterable, List

from mmvis_plugin.utils.errors import AnnotationError


def hold_out_names(names: Iterable[str], percent: float) -> List[str]:
    """Return the names of the videos that are kept back.

    The names are sorted by their sha1; the first ``percent`` % are kept back,
    rounded to whole videos, at least one and not all. The choice depends on
    the names alone: not on the order, the ids or the contents.

    Args:
        names (Iterable[str]): Names of the videos, distinct.
        percent (float): Above 0, below 100.

    Returns:
        list[str]: In the order of their sha1.

    Raises:
        ValueError: If ``percent`` is out of range.
        AnnotationError: If there are fewer than two videos, or two of one
            name.
    """
    names = list(names)
    if not 0 < percent < 100:
        raise ValueError(f'percent={percent}, expected a number above 0 and '
                         'below 100')
    if len(names) < 2:
        raise AnnotationError(
            f'{len(names)} video(s) cannot be split, expected '
            'at least 2')
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise AnnotationError(f'two videos are named {twice!r}, expected '
                              'distinct names; a video is never split')
    count = int(len(names) * percent / 100 + 0.5)
    count = min(max(count, 1), len(names) - 1)
    return sorted(names, key=name_digest)[:count]


def name_digest(name: str) -> str:
    """Return the sha1 of a video name, by which videos are sorted."""
    return sha1(name.encode()).hexdigest()
