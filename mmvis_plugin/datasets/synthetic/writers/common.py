"""What every writer needs: files, masks, colours of ids."""
import hashlib
import json
import os
import os.path as osp
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple
from uuid import uuid4

import cv2
import numpy as np

from ..synth_cfg import SHAPES, STUFF

_CLASS_FOLDER = Path(__file__).resolve().parents[2] / 'classes'
_JPEG_QUALITY = 92

META_FILE = 'meta.json'

RunTasks = Callable[[Callable], Iterable[Tuple[Tuple[str, int], Any]]]
"""Runs a function on split and index of every video."""


def load_categories(name: str) -> List[dict]:
    """Return the category table of a benchmark.

    Args:
        name (str): File stem in ``mmvis_plugin/datasets/classes``.

    Returns:
        List[dict]: The ``categories`` of the file.
    """
    path = _CLASS_FOLDER / f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8'))['categories']


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill; it gets its own name when the block ends.

    Args:
        path (Path): The folder, not there or empty. It is not changed if
            the block ends with an error.

    Yields:
        Path: An empty folder beside it.
    """
    draft = path.with_name(f'{path.name}.part-{uuid4().hex[:8]}')
    draft.mkdir(parents=True)
    try:
        yield draft
        if path.exists():
            path.rmdir()
        os.replace(draft, path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image; the suffix of the path picks the coding.

    Args:
        path (Path): ``.jpg`` (quality 92) or ``.png``; its folder is made.
        image (np.ndarray): RGB, RGBA or one channel; uint8 or uint16.

    Raises:
        OSError: If the image cannot be encoded.
    """
    if image.ndim == 3:
        # the encoder of OpenCV expects blue first
        order = [2, 1, 0, 3][:image.shape[2]]
        image = np.ascontiguousarray(image[..., order])
    params = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    done, data = cv2.imencode(path.suffix, image,
                              params if path.suffix == '.jpg' else [])
    if not done:
        raise OSError(f'{path}: OpenCV cannot encode {image.dtype} '
                      f'{image.shape}')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def write_json(path: Path, content) -> None:
    """Write compact JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, separators=(',', ':'))
    path.write_text(text, encoding='utf-8')


def mask_to_counts(mask: np.ndarray) -> List[int]:
    """Return run lengths in column order, starting with zeros.

    Args:
        mask (np.ndarray): bool (H, W).

    Returns:
        List[int]: ``counts`` of an uncompressed COCO RLE.
    """
    flat = mask.ravel(order='F')
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0] + counts if flat[0] else counts


def mask_to_box(mask: np.ndarray) -> List[float]:
    """Return the tight box (x, y, w, h), w = xmax - xmin + 1.

    Args:
        mask (np.ndarray): bool (H, W) with at least one pixel.

    Returns:
        List[float]: The box.
    """
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [
        float(cols[0]),
        float(rows[0]),
        float(cols[-1] - cols[0] + 1),
        float(rows[-1] - rows[0] + 1)
    ]


def digest_files(root: Path, patterns: Iterable[str]) -> Dict[str, str]:
    """Return one sha256 per pattern over names and bytes of its files.

    Args:
        root (Path): Folder of the data set.
        patterns (Iterable[str]): Glob patterns below it.

    Returns:
        Dict[str, str]: Pattern to hex digest.
    """
    digests = {}
    for pattern in patterns:
        total = hashlib.sha256()
        for path in sorted(root.glob(pattern)):
            total.update(osp.relpath(path, root).encode())
            total.update(path.read_bytes())
        digests[pattern] = total.hexdigest()
    return digests


def category_lut(table: str, names: Dict[str, str]) -> np.ndarray:
    """Return the category id of every label of a label map.

    Args:
        table (str): File stem in ``mmvis_plugin/datasets/classes``.
        names (Dict[str, str]): Shape or stuff name to category name.

    Returns:
        np.ndarray: int64; -1 for void and labels without a category.

    Shape:
        Output: (256, ).
    """
    ids = {c['name']: c['id'] for c in load_categories(table)}
    lut = np.full(256, -1, dtype=np.int64)
    for label, name in enumerate(SHAPES + STUFF):
        if name in names:
            lut[label] = ids[names[name]]
    return lut


def panoptic_ids(categories: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Return segment ids: 1000 (category + 1) + object number, 0 for void.

    Args:
        categories (np.ndarray): Category id per pixel, -1 for void.
        objects (np.ndarray): Object number per pixel, 0 for stuff.

    Returns:
        np.ndarray: int64; stuff has category + 1.

    Shape:
        all: the same.
    """
    base = categories + 1
    return np.where(objects > 0, 1000 * base + objects, base)


def segments_info(ids: np.ndarray) -> List[Dict]:
    """List the segments of a map of :func:`panoptic_ids`.

    Args:
        ids (np.ndarray): Segment ids (H, W).

    Returns:
        List[Dict]: id, category_id, iscrowd and area, by ascending id.
    """
    found, areas = np.unique(ids[ids > 0], return_counts=True)
    return [
        dict(
            id=int(i),
            category_id=int(i // 1000 if i >= 1000 else i) - 1,
            iscrowd=0,
            area=int(area)) for i, area in zip(found, areas)
    ]
