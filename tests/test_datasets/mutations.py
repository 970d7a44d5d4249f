"""Broken annotation files, made from a sound one in a repeatable way.

A test of a reader has three lines: make a small sound file, wrap the reader
in a function of the text of the file, call :func:`check_mutations`.
"""
import copy
import itertools
import json
import os
import random
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from mmvis_plugin.utils.errors import AnnotationError

Path = Tuple[Any, ...]
NUMBERS = (int, float)
# mutations of the text that a reader must not notice
HARMLESS = ('extra', 'key order')
_OTHER_TYPES = ('text', 7, 2.5, True, [], [1], {}, dict(id=1))
_STRINGS = ('', ' ', '../..', 'a\nb', '\x00', '\ud800', 'NaN', '-1', '0',
            'é' * 40)
_NOT_FINITE = (float('nan'), float('inf'), -float('inf'))
_HUGE = (2**31, 2**63, 10**30, 1e308)


@dataclass(frozen=True)
class Mutation:
    """What was done where: ``kind`` at a ``path``; ``pattern`` is the path
    with ``*`` for positions, e.g. ``videos.*.id``; ``tree`` or ``text`` of
    the result."""
    kind: str
    path: Path
    pattern: str
    text: str
    tree: Any = None

    def __str__(self) -> str:
        where = '.'.join(map(str, self.path)) or 'the text'
        return f'{self.kind} at {where}'


def get(tree: Any, path: Path) -> Any:
    """Return the node at a path."""
    for step in path:
        tree = tree[step]
    return tree


def walk(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every node below the top."""
    items = tree.items() if isinstance(
        tree, dict) else enumerate(tree if isinstance(tree, list) else ())
    for key, value in items:
        yield path + (key, )
        yield from walk(value, path + (key, ))


def pattern_of(path: Path) -> str:
    """Return a path with ``*`` for each position in a list."""
    return '.'.join('*' if isinstance(s, int) else s for s in path)


def _other_type(old, rng):
    kind = NUMBERS if type(old) in NUMBERS else type(old)
    others = [
        v for v in _OTHER_TYPES
        if isinstance(v, bool) or not isinstance(v, kind)
    ]
    return copy.deepcopy(rng.choice(others))


# what becomes of the value at the path
_ANY = {'null': lambda old, rng: None, 'type': _other_type}
_NUMBER = {
    'negative': lambda old, rng: -abs(old) - 1,
    'zero': lambda old, rng: 0,
    'huge': lambda old, rng: rng.choice(_HUGE),
    'nan': lambda old, rng: rng.choice(_NOT_FINITE),
    'fraction': lambda old, rng: old + 0.5,
    'nudge': lambda old, rng: old + rng.choice((-1, 1))
}
_VALUES = {
    **_ANY,
    **_NUMBER, 'text':
    lambda old, rng: rng.choice(_STRINGS),
    'cut':
    lambda old, rng: old[:-1],
    'empty':
    lambda old, rng: type(old)(),
    'extra':
    lambda old, rng: dict(
        old, not_in_the_format=rng.choice((None, 1, [1, {}], 'x'))),
    'key order':
    lambda old, rng: dict(reversed(old.items()))
}


def _repeat(parent, key, rng):
    parent.insert(key, copy.deepcopy(parent[key]))


def _swap(parent, key, rng):
    other = rng.choice([i for i in range(len(parent)) if i != key])
    parent[key], parent[other] = parent[other], parent[key]


# what becomes of the list or object that holds the value
_PLACES = {
    'delete': lambda parent, key, rng: parent.pop(key),
    'repeat': _repeat,
    'swap': _swap
}


def _borrowed(tree, path, rng):
    """Return the value of the same key in another record."""
    pattern, old = pattern_of(path), get(tree, path)
    others = [
        get(tree, p) for p in walk(tree)
        if pattern_of(p) == pattern and get(tree, p) != old
    ]
    return copy.deepcopy(rng.choice(others)) if others else old


def kinds_for(tree: Any, path: Path) -> List[str]:
    """Return the kinds of mutation that a node can take."""
    value = get(tree, path)
    kinds = [*_ANY, 'delete', 'borrow']
    if type(value) in NUMBERS:
        kinds += _NUMBER
    if isinstance(value, str):
        kinds += ['text', 'cut', 'empty']
    if isinstance(value, list):
        kinds += ['empty'] + (['cut'] if value else [])
    if isinstance(value, dict):
        kinds += ['empty', 'extra', 'key order']
    if isinstance(path[-1], int):
        kinds += ['repeat']
        kinds += ['swap'] if len(get(tree, path[:-1])) > 1 else []
    return kinds


def mutate(tree: Any, path: Path, kind: str, seed: int) -> Mutation:
    """Return a changed copy of a tree; the same for the same arguments."""
    changed = copy.deepcopy(tree)
    rng = random.Random(f'{seed}/{kind}/{path}')
    parent, key = get(changed, path[:-1]), path[-1]
    if kind == 'borrow':
        parent[key] = _borrowed(changed, path, rng)
    elif kind in _PLACES:
        _PLACES[kind](parent, key, rng)
    else:
        parent[key] = _VALUES[kind](parent[key], rng)
    return Mutation(kind, path, pattern_of(path), json.dumps(changed), changed)


def mutate_text(text: str, seed: int) -> Mutation:
    """Return a text that is cut off, has a wrong character or too much."""
    rng = random.Random(seed)
    at = rng.randrange(len(text))
    kind, changed = rng.choice((
        ('truncated', text[:at]),
        ('truncated', text[:at]),
        ('wrong character',
         text[:at] + rng.choice('{}[]",:\x00x') + text[at + 1:]),
        ('deep', '[' * 100000),
        ('long number', '{"videos": ' + '9' * 5000 + '}'),
        ('empty file', ''),
        ('trailing text', text + '{'),
    ))
    try:
        tree = json.loads(changed)
    except (ValueError, RecursionError):
        tree = None
    return Mutation(kind, (), '', changed, tree)


def single_mutations(tree: Any, at_least: int = 500) -> Iterator[Mutation]:
    """Yield every kind at every pattern, then more until there are enough.

    Differs at each round in the record that is hit and in the drawn value.
    """
    sites: Dict[Tuple[str, str], List[Path]] = {}
    for path in walk(tree):
        for kind in kinds_for(tree, path):
            sites.setdefault((pattern_of(path), kind), []).append(path)
    done = 0
    for seed in itertools.count():
        if done >= at_least:
            return
        for (_, kind), paths in sites.items():
            rng = random.Random(f'{seed}/{paths[0]}/{kind}')
            yield mutate(tree, rng.choice(paths), kind, seed)
        for i in range(20):
            yield mutate_text(json.dumps(tree), 1000 * seed + i)
        done += len(sites) + 20


def stacked_mutation(tree: Any, seed: int) -> Mutation:
    """Return a tree with two to four mutations, or with a broken text."""
    rng = random.Random(seed)
    if rng.random() < 0.1:
        return mutate_text(json.dumps(tree), seed)
    by_pattern: Dict[str, List[Path]] = {}
    applied = []
    for step in range(rng.randint(2, 4)):
        by_pattern.clear()
        for path in walk(tree):
            by_pattern.setdefault(pattern_of(path), []).append(path)
        if not by_pattern:
            break
        path = rng.choice(by_pattern[rng.choice(sorted(by_pattern))])
        kind = rng.choice(kinds_for(tree, path))
        tree = mutate(tree, path, kind, seed + step).tree
        applied.append(f'{kind} at {pattern_of(path)}')
    return Mutation(', '.join(applied), (), '', json.dumps(tree), tree)


def assert_clean(load: Callable[[], Any],
                 file: str = '',
                 hint: Any = '') -> Tuple[Any, Optional[Exception]]:
    """Call ``load``; it returns or ends with one line that names the file.

    A ``FileNotFoundError`` may name another file, such as a missing frame.

    Args:
        load (Callable): Reads what may be broken.
        file (str): Text that the message must hold; name of the file.
        hint: What was done to the file, for the report of a failure.

    Returns:
        tuple: Result and None, or None and the error.
    """
    try:
        return load(), None
    except (AnnotationError, FileNotFoundError) as error:
        message = str(error)
        assert '\n' not in message.strip(), (str(hint), message)
        named = str(file) if isinstance(error, AnnotationError) else os.sep
        assert named in message, (str(hint), message)
        return None, error
    except Exception as error:
        raise AssertionError(
            f'{hint}: {type(error).__name__}: {error}') from error


def check_mutations(tree: Any,
                    load: Callable[[str], Any],
                    file: str,
                    notice: Optional[Dict[str, Any]] = None,
                    expected: Optional[Callable[[Any], Any]] = None,
                    at_least: int = 500) -> Dict[str, int]:
    """Feed a reader with broken files: clean error or right load.

    - Every other exception is a failure, and so is an error of several
      lines or without the name of the file.
    - What ``notice`` lists must end in an error.
    - Unknown keys and another order of keys change nothing.
    - With ``expected``, whatever loads must equal its answer.

    Args:
        tree: Content of a sound file; JSON.
        load (Callable): Gets the text, writes and reads the file; returns
            what can be compared with ``==``.
        file (str): Name of the file.
        notice (dict): Pattern of paths, as ``videos.*.id``, to kinds, or
            '*' for every kind but the harmless ones.
        expected (Callable, optional): An independent slow reader of the
            tree. It may raise if the content has no meaning.
        at_least (int): Number of files.

    Returns:
        dict: How many files gave an 'error' and how many a 'load'.
    """
    sound = load(json.dumps(tree))
    counts = dict(error=0, load=0)
    for mutation in single_mutations(tree, at_least):
        found, error = assert_clean(lambda: load(mutation.text), file,
                                    mutation)
        counts['load' if error is None else 'error'] += 1
        if mutation.kind in HARMLESS or mutation.text == json.dumps(tree):
            assert error is None and found == sound, (str(mutation), error)
        elif error is None:
            assert mutation.tree is not None, f'{mutation} went unnoticed'
            kinds = (notice or {}).get(mutation.pattern, ())
            assert kinds != '*' and mutation.kind not in kinds, (
                f'{mutation} unnoticed')
            if expected is not None:
                assert found == expected(mutation.tree), str(mutation)
    return counts
