"""Maps in which every pixel belongs to one mask at most."""
from typing import Any, Dict, List, Tuple

import numpy as np
from pycocotools import mask as mask_utils


def encode_index_map(values: np.ndarray) -> Tuple[np.ndarray, List[dict]]:
    """Turn a map into one run-length code per value.

    The runs of all values come from one pass over the pixels; no mask is
    ever held as pixels of its own.

    Args:
        values (np.ndarray): Integers; 0 is the background.

    Returns:
        tuple[np.ndarray, list[dict]]: The values that occur, ascending, and
        their compressed COCO codes with text ``counts``.

    Shape:
        values: (H, W). Output: (N, ).
    """
    height, width = values.shape
    flat = values.T.reshape(-1)
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.append(np.zeros(min(len(flat), 1), np.int64), starts)
    stops = np.append(starts[1:], len(flat))
    found = flat[starts]
    kept = np.flatnonzero(found)
    order = kept[np.argsort(found[kept], kind='stable')]
    keys, first = np.unique(found[order], return_index=True)
    parts = np.split(np.stack([starts[order], stops[order]]), first[1:], 1)
    codes: List[Dict[str, Any]] = [
        dict(size=[height, width], counts=_counts(part, height * width))
        for part in parts[:len(keys)]
    ]
    codes = mask_utils.frPyObjects(codes, height, width) if codes else []
    for code in codes:
        code['size'] = [height, width]
        code['counts'] = code['counts'].decode('ascii')
    return keys, codes


def _counts(runs: np.ndarray, num_pixels: int) -> List[int]:
    """Return the run lengths of foreground runs (2, N), zeros first."""
    edges = np.append(runs.T.reshape(-1), num_pixels)
    counts = np.diff(edges, prepend=0).tolist()
    return counts if counts[-1] else counts[:-1]
