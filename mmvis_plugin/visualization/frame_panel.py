"""The tracks on a frame, in pixels of the image that is drawn on."""
from dataclasses import dataclass
from typing import Optional, Sequence

import numpy as np
from mmengine.structures import InstanceData

from . import overlay
from .ground_truth import as_array, instance_ids
from .palette import track_colors
from .panoptic_overlay import PanopticPanel


@dataclass
class FramePanel:
    """Tracks on a frame, in pixels of the image that is drawn on.

    Args:
        ids (np.ndarray): int64 track ids, negative for none.
        labels (np.ndarray): int64.
        scores (np.ndarray, optional): float, if there are any.
        boxes (np.ndarray): float xyxy.
        masks (np.ndarray, optional): uint8 of 0 and 1, if there are any.
        ignored (np.ndarray): bool.

    Shape:
        boxes: (N, 4); masks: (N, H, W); all others: (N, ).
    """
    ids: np.ndarray
    labels: np.ndarray
    scores: Optional[np.ndarray]
    boxes: np.ndarray
    masks: Optional[np.ndarray]
    ignored: np.ndarray

    @property
    def colors(self) -> np.ndarray:
        """np.ndarray: uint8 RGB (N, 3), the colours of the ids."""
        return track_colors(self.ids)

    @classmethod
    def from_instances(cls, instances: InstanceData, size: Sequence[int],
                       canvas: Sequence[int]) -> 'FramePanel':
        """Scale instances of a frame.

        Args:
            instances (InstanceData): Tracks, boxes and masks in pixels of
                the frame; ``ignored`` marks what is not evaluated.
            size (Sequence[int]): Height and width of the frame.
            canvas (Sequence[int]): Height and width of the image.
        """
        num = len(instances)
        masks = None
        if 'masks' in instances:
            masks = overlay.dense_masks(instances.masks, *size)
            masks = overlay.resize_masks(masks, *canvas)
        if 'bboxes' in instances:
            scale = np.array([canvas[1] / size[1], canvas[0] / size[0]] * 2)
            boxes = as_array(instances.bboxes).reshape(-1, 4) * scale
        elif masks is not None:
            boxes = overlay.mask_boxes(masks)
        else:
            boxes = np.zeros((num, 4))
        scores = as_array(instances.scores) if 'scores' in instances else None
        ignored = as_array(instances.get('ignored', np.zeros(num)))
        return cls(
            instance_ids(instances), as_array(instances.labels), scores, boxes,
            masks, ignored.astype(bool))

    @classmethod
    def from_segments(cls, segments: PanopticPanel) -> 'FramePanel':
        """Take the things of a panoptic map, without masks.

        Args:
            segments (PanopticPanel): The map, of the size of the image.
        """
        rows = np.flatnonzero(segments.is_thing)
        return cls(segments.ids[rows], segments.labels[rows], None,
                   segments.boxes[rows], None, segments.ignored[rows])
