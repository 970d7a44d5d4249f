"""Class tables of the benchmarks and the matching of class names."""
import json
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmengine.logging import MMLogger

from mmvis_plugin.utils.errors import AnnotationError

TABLE_DIR = Path(__file__).parent / 'classes'

# Two spellings of one class, in normalised form.
_ALIASES = {'vehical': 'vehicle'}


@lru_cache(maxsize=None)
def _read_table(name: str) -> str:
    path = TABLE_DIR / f'{name}.json'
    if not path.exists():
        known = sorted(p.stem for p in TABLE_DIR.glob('*.json'))
        raise KeyError(f'class table {name!r} does not exist, expected one '
                       f'of {known}')
    return path.read_text(encoding='utf-8')


def load_table(name: str) -> dict:
    """Return a data file of the class folder.

    Args:
        name (str): Stem of the file, e.g. 'youtube_vis_2019'.

    Raises:
        KeyError: If there is no such table.
    """
    return json.loads(_read_table(name))


def table_categories(name: str) -> List[dict]:
    """Return the categories of a benchmark.

    Args:
        name (str): Stem of the table, e.g. 'viper'.
    """
    table = load_table(name)
    # VIPER has labels that its panoptic benchmark leaves out
    return table.get('categories') or table['vps_categories']


def table_metainfo(name: str) -> dict:
    """Return ``classes`` and, if it has colours, ``palette`` of a benchmark.

    Args:
        name (str): Stem of the table, e.g. 'youtube_vis_2019'.
    """
    categories = table_categories(name)
    meta = dict(classes=tuple(category['name'] for category in categories))
    if all('color' in category for category in categories):
        meta['palette'] = [tuple(item['color']) for item in categories]
    return meta


def normalise_name(name: str) -> str:
    """Return the form of a class name by which names are compared.

    Case, and space against underscore, make no difference; 'Vehical' of OVIS
    is a vehicle.

    Args:
        name (str): Class name of a file or a config.
    """
    key = name.strip().lower().replace(' ', '_')
    return _ALIASES.get(key, key)


def match_categories(classes: Sequence[str], categories: List[dict],
                     file: str) -> Dict[int, int]:
    """Map category ids of a file to positions in a class list, by name.

    Args:
        classes (Sequence[str]): Class names; the position is the label.
        categories (list[dict]): ``id`` and ``name`` of the file.
        file (str): The annotation file, for messages.

    Returns:
        dict[int, int]: Category id to label. Categories that are no class
        are left out.

    Raises:
        AnnotationError: If nothing matches, or two categories are one class.
    """
    label_of = {normalise_name(name): i for i, name in enumerate(classes)}
    if len(label_of) < len(classes):
        raise AnnotationError(f'{file}: class list {tuple(classes)} holds '
                              'two names of one class, expected distinct '
                              'names')
    cat2label: Dict[int, int] = {}
    for category in categories:
        label = label_of.get(normalise_name(category['name']))
        if label is None:
            continue
        if label in cat2label.values():
            raise AnnotationError(
                f'{file}: two categories are named {classes[label]!r}, '
                'expected distinct names')
        cat2label[category['id']] = label
    if not cat2label:
        raise AnnotationError(
            f'{file}: no class in common: the file has '
            f'{_shorten(c["name"] for c in categories)}, the class list has '
            f'{_shorten(classes)}; set metainfo=dict(classes=...) or the '
            'version of the dataset to match the file')
    absent = [
        name for i, name in enumerate(classes) if i not in cat2label.values()
    ]
    if absent:
        MMLogger.get_current_instance().warning(
            f'{file}: {len(absent)} of {len(classes)} classes are absent '
            f'from the file: {_shorten(absent)}')
    return cat2label


def complete_label2cat(cat2label: Dict[int, int], classes: Sequence[str],
                       table: Optional[str]) -> List[int]:
    """Return a category id for every label, also for absent classes.

    An absent class takes its id of the benchmark where that id is free, else
    the next id above all others.

    Args:
        cat2label (dict[int, int]): Category id to label, of the file.
        classes (Sequence[str]): Class names.
        table (str, optional): Stem of the class table of the benchmark.
    """
    label2cat = {label: cat_id for cat_id, label in cat2label.items()}
    official = {}
    if table is not None:
        official = {
            normalise_name(category['name']): category['id']
            for category in table_categories(table)
        }
    taken = set(cat2label)
    for label, name in enumerate(classes):
        if label in label2cat:
            continue
        cat_id = official.get(normalise_name(name))
        if cat_id is None or cat_id in taken:
            cat_id = max([*taken, *official.values()]) + 1
        label2cat[label] = cat_id
        taken.add(cat_id)
    return [label2cat[label] for label in range(len(classes))]


def _shorten(names, limit: int = 8) -> str:
    names = list(names)
    text = ', '.join(names[:limit])
    return text + (f', ... ({len(names)} names)' if len(names) > limit else '')
