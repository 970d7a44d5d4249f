"""MovingShapes in the form of BDD100K segmentation tracking."""
from pathlib import Path
from typing import Dict, List

import numpy as np
from pycocotools import mask as mask_api

from ..synth_cfg import SynthCfg
from ..synth_video import SynthObject, SynthVideo
from .base_writer import BaseWriter
from .common import load_categories, mask_to_box, write_image, write_json
from .flow_folder import ImageRun

_IMAGES = Path('images/seg_track_20')
_LABELS = Path('labels/seg_track_20')
_BITS = dict(truncated=8, occluded=4, crowd=2, ignored=1)
# in odd videos ids start here, so that the high byte of an id is used
_LATE_ID = 254


class BDDMOTSWriter(BaseWriter):
    """Write ``images/seg_track_20`` and ``labels/seg_track_20``.

    Labels come as RGBA bitmasks and as RLE in JSON. The n-th shape stands
    for category n. A crowd has the crowd bit in even videos and the ignored
    bit in odd videos; track ids of odd videos start at 255.

    Args:
        cfg (SynthCfg): What to generate.
    """

    format_name = 'bdd_mots'
    label_patterns = ('labels/**/*.png', 'labels/**/*.json')

    def __init__(self, cfg: SynthCfg) -> None:
        super().__init__(cfg)
        self.names = [c['name'] for c in load_categories('bdd100k_mots')]

    def image_runs(self, video: SynthVideo) -> List[ImageRun]:
        """List the images: one folder."""
        folder, suffix = _IMAGES / video.split, self.cfg.image_format
        return [[(t,
                  f'{folder}/{video.name}/{video.name}-{t + 1:07d}.{suffix}')
                 for t in range(self.cfg.num_frames)]]

    def write_video(self, root: Path, video: SynthVideo) -> Dict:
        """Write images, bitmasks and the RLE file of a video."""
        frames = []
        run, = self.image_runs(video)
        for (t, image_file), image in zip(run, video.frames):
            stem = f'{video.name}/{video.name}-{t + 1:07d}'
            write_image(root / image_file, image)
            bitmask = np.zeros(image.shape[:2] + (4, ), dtype=np.uint8)
            labels = [
                self._paint(bitmask, video, t, card) for card in video.objects
                if (video.id_maps[t] == card.object_id).any()
            ]
            write_image(root / _LABELS / f'bitmasks/{video.split}/{stem}.png',
                        bitmask)
            frames.append(
                dict(
                    videoName=video.name,
                    name=f'{video.name}-{t + 1:07d}.{self.cfg.image_format}',
                    frameIndex=t,
                    labels=labels))
        write_json(root / _LABELS / f'rles/{video.split}/{video.name}.json',
                   frames)
        return {}

    def write_index(self, root: Path, split: str, records: List[Dict]) -> None:
        """Do nothing: every video has its own label file."""

    def _paint(self, bitmask: np.ndarray, video: SynthVideo, frame: int,
               card: SynthObject) -> Dict:
        """Paint one object and return its JSON label."""
        mask = video.id_maps[frame] == card.object_id
        odd = video.index % 2
        track_id = card.object_id + odd * _LATE_ID
        hidden = video.full_areas[frame, card.object_id - 1] > mask.sum()
        border = mask[[0, -1]].any() or mask[:, [0, -1]].any()
        attributes = dict(
            occluded=bool(hidden),
            truncated=bool(border),
            crowd=card.iscrowd and not odd,
            ignored=card.iscrowd and bool(odd))
        bits = sum(_BITS[name] for name, on in attributes.items() if on)
        bitmask[mask] = (card.label + 1, bits, track_id >> 8, track_id & 255)
        rle = mask_api.encode(np.asfortranarray(mask, dtype=np.uint8))
        x, y, width, height = mask_to_box(mask)
        return dict(
            id=str(track_id),
            category=self.names[card.label],
            attributes=attributes,
            rle=dict(counts=rle['counts'].decode(), size=list(mask.shape)),
            box2d=dict(x1=x, y1=y, x2=x + width - 1, y2=y + height - 1))


def write_bdd_mots(root: str, cfg: SynthCfg, **kwargs) -> bool:
    """Write a BDD100K MOTS tree, see :class:`BDDMOTSWriter`.

    Args:
        root (str): Target folder, the place of ``bdd100k``.
        cfg (SynthCfg): What to generate.
        **kwargs: Arguments of :meth:`BaseWriter.write`.

    Returns:
        bool: False if the same data set was there already.
    """
    return BDDMOTSWriter(cfg).write(root, **kwargs)
