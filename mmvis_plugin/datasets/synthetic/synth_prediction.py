"""Predictions for a synthetic video, from which all result forms derive."""
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Sequence, Tuple

import numpy as np
from pycocotools import mask as mask_api

from .background import VOID
from .synth_video import NUM_THINGS, SynthVideo
from .writers.common import panoptic_ids, segments_info


@dataclass(eq=False)
class SynthPrediction:
    """What a model says about one video, without overlaps.

    Args:
        label_maps (np.ndarray): uint8, labels as in :class:`SynthVideo`.
        id_maps (np.ndarray): int64, identity of things, 0 elsewhere.
        labels (Dict[int, int]): Identity to label.
        scores (Dict[int, float]): Identity to score.
        crowds (FrozenSet[int]): Identities that stand for crowd regions.
        num_classes (int): Number of thing classes in use.

    Shape:
        label_maps, id_maps: (T, H, W).
    """

    label_maps: np.ndarray
    id_maps: np.ndarray
    labels: Dict[int, int]
    scores: Dict[int, float]
    crowds: FrozenSet[int] = frozenset()
    num_classes: int = NUM_THINGS

    @classmethod
    def from_video(cls, video: SynthVideo) -> 'SynthPrediction':
        """Return the ground truth as a prediction with score 1.

        Args:
            video (SynthVideo): The video.
        """
        seen = [o for o in video.objects if video.mask(o.object_id).any()]
        return cls(
            label_maps=video.label_maps.copy(),
            id_maps=video.id_maps.astype(np.int64),
            labels={o.object_id: o.label
                    for o in seen},
            scores={o.object_id: 1.0
                    for o in seen},
            crowds=frozenset(o.object_id for o in seen if o.iscrowd),
            num_classes=video.cfg.classes)

    @property
    def object_ids(self) -> List[int]:
        """Identities that are no crowd, ascending."""
        return sorted(set(self.labels) - self.crowds)

    def remove(self, object_id: int) -> None:
        """Turn the pixels of an object into void and forget it."""
        mask = self.id_maps == object_id
        self.id_maps[mask], self.label_maps[mask] = 0, VOID
        del self.labels[object_id], self.scores[object_id]

    def to_youtube_vis(self, video_id: int,
                       category_ids: Sequence[int]) -> List[Dict]:
        """Return entries of a YouTube-VIS result list.

        Args:
            video_id (int): Id of the video in the JSON file.
            category_ids (Sequence[int]): Category id of every label.

        Returns:
            List[Dict]: One entry per object that is no crowd.
        """
        return [
            dict(
                video_id=video_id,
                category_id=int(category_ids[self.labels[i]]),
                score=self.scores[i],
                segmentations=[_encode(m) for m in self.id_maps == i])
            for i in self.object_ids
        ]

    def to_mots(self) -> np.ndarray:
        """Return BDD100K bitmasks: label + 1, 0, id high, id low.

        Shape:
            Output: (T, H, W, 4), uint8.
        """
        things = self.id_maps > 0
        category = np.where(things, self.label_maps.astype(np.int64) + 1, 0)
        return np.stack([
            category,
            np.zeros_like(category), self.id_maps >> 8, self.id_maps & 255
        ],
                        axis=-1).astype(np.uint8)

    def to_panoptic(self,
                    lut: np.ndarray) -> Tuple[np.ndarray, List[List[Dict]]]:
        """Return segment ids and the segments of every frame.

        Args:
            lut (np.ndarray): Category id of every label, -1 for void.

        Returns:
            Tuple[np.ndarray, List[List[Dict]]]: uint32 ids with 0 for void
            and the ``segments_info`` lists.

        Shape:
            lut: (256, ); ids: (T, H, W).
        """
        categories = lut[self.label_maps]
        things = np.where(categories >= 0, self.id_maps, 0)
        ids = panoptic_ids(categories, things)
        return ids.astype(np.uint32), [segments_info(frame) for frame in ids]


def _encode(mask: np.ndarray):
    if not mask.any():
        return None
    rle = mask_api.encode(np.asfortranarray(mask, dtype=np.uint8))
    return dict(size=list(mask.shape), counts=rle['counts'].decode())
