"""Drawing of panoptic maps: stuff by class, things by track, void hatched."""
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
from mmdet.visualization.palette import get_palette

from mmvis_plugin.structures import PanopticSegments
from . import text
from .label_layout import Rect
from .palette import NO_TRACK_COLOR, TRACK_PALETTE, track_colors

ID_STEP = 1000
VOID_LABEL = 255
_NAME_SIDE = 80  # shorter side of the map in which stuff names are placed

Map = Union[np.ndarray, torch.Tensor]


@dataclass
class PanopticPanel:
    """A panoptic map in pixels of the image that it is drawn on.

    Args:
        rows (np.ndarray): Segment of each pixel, 0 for void.
        labels (np.ndarray): int64 label of each segment, -1 for void.
        ids (np.ndarray): int64 track id of each segment, -1 for none.
        is_thing (np.ndarray): bool.
        ignored (np.ndarray): bool, crowds and the like.

    Shape:
        rows: (H, W) int32; all others: (1 + number of segments, ).
    """
    rows: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    is_thing: np.ndarray
    ignored: np.ndarray

    @classmethod
    def from_prediction(cls,
                        sem_seg: Map,
                        height: int,
                        width: int,
                        meta: Optional[dict] = None) -> 'PanopticPanel':
        """Read a map of label + 1000 * track id.

        Args:
            sem_seg (np.ndarray | torch.Tensor): The map; void has 255 or the
                number of classes as its label.
            height (int): Height of the image in pixels.
            width (int): Width of the image in pixels.
            meta (dict, optional): Metainfo of the dataset with ``classes``
                and ``thing_classes``. Without the latter, things are what
                has a track id. Defaults to None.

        Shape:
            sem_seg: (1, H', W') or (H', W').
        """
        values, rows = _index(sem_seg, height, width)
        labels, ids = values % ID_STEP, values // ID_STEP
        classes = (meta or {}).get('classes') or ()
        is_void = labels == (len(classes) or VOID_LABEL)
        if len(classes) <= VOID_LABEL:
            is_void |= labels == VOID_LABEL
        things = set((meta or {}).get('thing_classes') or ())
        names = np.array([name in things for name in classes] + [False])
        is_thing = (ids > 0) | names[np.minimum(labels, len(classes))]
        return cls._collect(rows, is_void, labels, np.where(ids > 0, ids, -1),
                            is_thing, np.zeros(len(values), bool))

    @classmethod
    def from_annotation(cls, pan_seg: Map, segments_info: Sequence[dict],
                        height: int, width: int) -> 'PanopticPanel':
        """Read a map of segment ids and the list of its segments.

        Args:
            pan_seg (np.ndarray | torch.Tensor): Segment ids. What is not in
                the list, such as 0, is void.
            segments_info (Sequence[dict]): ``id``, ``category`` (the label),
                ``is_thing``, ``iscrowd`` and ``instance_id`` of each.
            height (int): Height of the image in pixels.
            width (int): Width of the image in pixels.

        Shape:
            pan_seg: (1, H', W') or (H', W').
        """
        values, rows = _index(pan_seg, height, width)
        known = {segment['id']: segment for segment in segments_info}
        found = [known.get(value, {}) for value in values.tolist()]
        is_thing = np.array([bool(s.get('is_thing')) for s in found])
        ids = np.array([s.get('instance_id', -1) for s in found])
        return cls._collect(
            rows, np.array([not segment for segment in found]),
            np.array([s.get('category', -1) for s in found]),
            np.where(is_thing, ids, -1), is_thing,
            np.array([
                bool(s.get('iscrowd') or s.get('ignore_flag')) for s in found
            ]))

    @classmethod
    def _collect(cls, rows: np.ndarray, is_void: np.ndarray, *fields:
                 np.ndarray) -> 'PanopticPanel':
        """Make one row 0 of all void values."""
        numbers = np.where(is_void, 0, np.cumsum(~is_void)).astype(np.int32)
        blank = (-1, -1, False, False)
        return cls(
            numbers[rows],
            *(np.concatenate([[first], values[~is_void]])
              for first, values in zip(blank, fields)))

    @property
    def boxes(self) -> np.ndarray:
        """np.ndarray: Tight boxes xyxy of all rows; zeros for the void."""
        found = PanopticSegments.from_map(self.rows)
        boxes = np.zeros((len(self.labels), 4))
        boxes[found.ids] = found.boxes
        boxes[:, 2:] += boxes[:, :2]
        return boxes

    def colors(self, meta: Optional[dict] = None) -> np.ndarray:
        """Return the colour of each row.

        Things wear the colour of their track, stuff that of its class; grey
        is void, and things without a track id.

        Args:
            meta (dict, optional): Metainfo of the dataset with ``classes``
                and ``palette``. Defaults to None.

        Returns:
            np.ndarray: ``(1 + number of segments, 3)`` uint8 RGB.
        """
        table, meta = TRACK_PALETTE, meta or {}
        if meta.get('palette') is not None and meta.get('classes'):
            num = len(meta['classes'])
            table = np.array(get_palette(meta['palette'], num), np.uint8)
        by_class = table[self.labels % len(table)]
        colors = np.where(self.is_thing[:, None], track_colors(self.ids),
                          by_class)
        colors[0] = NO_TRACK_COLOR
        return colors


def _index(values: Map, height: int,
           width: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return the distinct values of a resized map and their places."""
    if isinstance(values, torch.Tensor):
        values = values.cpu().numpy()
    values = values.reshape(values.shape[-2:])
    if values.shape != (height, width):
        at = [((np.arange(new) + 0.5) * old / new).astype(int)
              for new, old in zip((height, width), values.shape)]
        values = values[np.ix_(*at)]
    # segments are wide: sorting runs instead of pixels costs little
    flat = values.ravel()
    starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
    found, index = np.unique(
        flat[starts].astype(np.int64), return_inverse=True)
    lengths = np.diff(starts, append=flat.size)
    rows = np.repeat(index.reshape(-1), lengths).reshape(height, width)
    return found, rows


def stripes(height: int, width: int, period: int) -> np.ndarray:
    """Return diagonal stripes, half of the pixels.

    Args:
        height (int): Height in pixels.
        width (int): Width in pixels.
        period (int): Pixels from one stripe to the next in a row.

    Returns:
        np.ndarray: bool.

    Shape:
        Output: (height, width).
    """
    sums = np.arange(height)[:, None] + np.arange(width)
    return sums % period < max(period // 2, 1)


def draw_segments(image: np.ndarray,
                  panel: PanopticPanel,
                  colors: np.ndarray,
                  alpha: float,
                  outline: int,
                  period: int = 8) -> np.ndarray:
    """Tint all segments and outline the things.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB, left as it is.
        panel (PanopticPanel): The segments.
        colors (np.ndarray): ``(1 + number of segments, 3)`` uint8 RGB.
        alpha (float): Opacity of the tint in [0, 1].
        outline (int): Width of the outlines in pixels, 0 for none.
        period (int): Of the stripes of void and crowds, in pixels; 0 leaves
            the void plain. Defaults to 8.

    Returns:
        np.ndarray: ``(h, w, 3)`` uint8 RGB.
    """
    rows = panel.rows
    tint = np.take(colors, rows, axis=0)
    tinted = cv2.addWeighted(image, 1 - alpha, tint, alpha, 0)
    hatched = panel.ignored.copy()
    hatched[0] = True
    painted = ~hatched[rows]
    if not painted.all():
        step = period or 8
        hatched[0] = period > 0
        painted |= hatched[rows] & stripes(*rows.shape, step)
    drawn = cv2.copyTo(tinted, painted.view(np.uint8), image.copy())
    if outline > 0:
        edge = _edges(rows, outline) & panel.is_thing[rows]
        drawn[edge] = colors[rows[edge]]
    return drawn


def _edges(rows: np.ndarray, width: int) -> np.ndarray:
    """Tell which pixels are less than ``width`` from another segment."""
    edge = np.zeros(rows.shape, dtype=np.uint8)
    for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = rows[a] != rows[b]
        edge[a] |= differs
        edge[b] |= differs
    if width > 1:
        kernel = np.ones((2 * width - 1, 2 * width - 1), np.uint8)
        edge = cv2.dilate(edge, kernel)
    return edge.view(bool)


def draw_stuff_names(image: np.ndarray, panel: PanopticPanel,
                     names: Sequence[str], colors: np.ndarray, size: int,
                     taken: List[Rect]) -> np.ndarray:
    """Write the class of each stuff segment into it, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        panel (PanopticPanel): The segments.
        names (Sequence[str]): One per row of the panel.
        colors (np.ndarray): ``(1 + number of segments, 3)`` uint8 RGB.
        size (int): Font size in pixels.
        taken (list[tuple]): Rectangles xyxy to keep free; those of the names
            are added.

    Returns:
        np.ndarray: The image.
    """
    step = max(min(panel.rows.shape) // _NAME_SIDE, 1)
    small = panel.rows[step // 2::step, step // 2::step]
    stuff = np.flatnonzero(~panel.is_thing & (panel.labels >= 0))
    regions = [(small == row).view(np.uint8) for row in stuff]
    return text.draw_names(image, [names[row] for row in stuff], regions,
                           colors[stuff], size, taken)
