"""MovingShapes in the form of VIPSeg."""
from pathlib import Path
from typing import Dict, List

import numpy as np

from mmvis_plugin.structures import write_panoptic_map
from ..synth_cfg import SynthCfg
from ..synth_video import SynthVideo
from .base_writer import BaseWriter
from .common import (category_lut, load_categories, panoptic_ids,
                     segments_info, write_image, write_json)
from .flow_folder import ImageRun

NAMES = dict(
    disc='person',
    square='cat',
    triangle='dog',
    star5='horse',
    ring='car',
    cross='bus',
    capsule='ball',
    blob='chair_or_seat',
    sky='sky',
    wall='wall',
    plants='tree',
    ground='grass',
    water='water',
    road='road')


class VIPSegWriter(BaseWriter):
    """Write ``images``, ``panomasks``, ``panomasksRGB``, JSON and lists.

    A crowd is an unnumbered region of its category, as VIPSeg has them.

    Args:
        cfg (SynthCfg): What to generate.
    """

    format_name = 'vipseg'
    label_patterns = ('panoptic_gt_*.json', '*.txt', 'panomasks/**/*.png',
                      'panomasksRGB/**/*.png')

    def __init__(self, cfg: SynthCfg) -> None:
        super().__init__(cfg)
        self.categories = load_categories('vipseg')
        self.lut = category_lut('vipseg', NAMES)

    def image_runs(self, video: SynthVideo) -> List[ImageRun]:
        """List the images: one folder."""
        suffix = self.cfg.image_format
        return [[(t, f'images/{video.name}/{t:08d}.{suffix}')
                 for t in range(self.cfg.num_frames)]]

    def write_video(self, root: Path, video: SynthVideo) -> Dict:
        """Write images and both kinds of masks of a video."""
        crowds = [o.object_id for o in video.objects if o.iscrowd]
        images, annotations = [], []
        run, = self.image_runs(video)
        for (t, image_file), image in zip(run, video.frames):
            stem = f'{t:08d}'
            write_image(root / image_file, image)
            categories = self.lut[video.label_maps[t]]
            objects = video.id_maps[t].astype(np.int64)
            is_crowd = np.isin(objects, crowds)
            numbers = np.where(is_crowd, 0, objects)
            mask = np.where(numbers > 0, 100 * (categories + 1) + numbers,
                            categories + 1)
            write_image(root / 'panomasks' / video.name / f'{stem}.png',
                        mask.astype(np.uint16))
            ids = panoptic_ids(categories, numbers)
            write_panoptic_map(
                str(root / 'panomasksRGB' / video.name / f'{stem}.png'), ids)
            images.append(
                dict(
                    id=stem,
                    file_name=f'{stem}.png',
                    width=self.cfg.width,
                    height=self.cfg.height))
            annotations.append(
                dict(
                    image_id=stem,
                    file_name=f'{stem}.png',
                    segments_info=segments_info(ids)))
        return dict(
            video_id=video.name, images=images, annotations=annotations)

    def write_index(self, root: Path, split: str, records: List[Dict]) -> None:
        """Write the JSON file and the list of a split."""
        content = {
            key: [{
                'video_id': r['video_id'],
                inner: r[inner]
            } for r in records]
            for key, inner in (('videos', 'images'), ('annotations',
                                                      'annotations'))
        }
        content['categories'] = self.categories
        write_json(root / f'panoptic_gt_VIPSeg_{split}.json', content)
        lines = ''.join(f'{record["video_id"]}\n' for record in records)
        (root / f'{split}.txt').write_text(lines, encoding='utf-8')


def write_vipseg(root: str, cfg: SynthCfg, **kwargs) -> bool:
    """Write a VIPSeg tree, see :class:`VIPSegWriter`.

    Args:
        root (str): Target folder, the place of ``VIPSeg_720P``.
        cfg (SynthCfg): What to generate.
        **kwargs: Arguments of :meth:`BaseWriter.write`.

    Returns:
        bool: False if the same data set was there already.
    """
    return VIPSegWriter(cfg).write(root, **kwargs)
