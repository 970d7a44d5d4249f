"""MovingShapes in the form of Cityscapes-VPS."""
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from pycocotools import mask as mask_api

from mmvis_plugin.structures import write_panoptic_map
from ..synth_cfg import SynthCfg
from ..synth_video import SynthVideo
from .base_writer import BaseWriter
from .common import (category_lut, load_categories, mask_to_box, panoptic_ids,
                     segments_info, write_image, write_json)
from .flow_folder import ImageRun

_NUM_FRAMES, _STRIDE, _FINE_FRAME = 30, 5, 19
_CITY = 'shapes'

NAMES = dict(
    disc='person',
    square='rider',
    triangle='car',
    star5='truck',
    ring='bus',
    cross='train',
    capsule='motorcycle',
    blob='bicycle',
    road='road',
    water='sidewalk',
    wall='building',
    plants='vegetation',
    ground='terrain',
    sky='sky')


class CityscapesVPSWriter(BaseWriter):
    """Write raw labels, derived labels and JSON of Cityscapes-VPS.

    Every video has 30 frames, labelled are the 5th, 10th, ... 30th. Crowds
    become void, as group regions of Cityscapes do. Images are PNG. Frames
    without a label are written for 'val' only (``img_all``); their second
    number is that of the next labelled frame.

    Args:
        cfg (SynthCfg): What to generate; ``num_frames``, ``label_stride``
            and ``image_format`` are set to 30, 5 and 'png'.
    """

    format_name = 'cityscapes_vps'
    label_patterns = ('*_city_vps*.json', '*/cls/*.png', '*/inst/*.png',
                      '*/panoptic_video/*.png')

    def __init__(self, cfg: SynthCfg) -> None:
        super().__init__(
            replace(
                cfg,
                num_frames=_NUM_FRAMES,
                label_stride=_STRIDE,
                image_format='png'))
        table = load_categories('cityscapes_vps')
        self.categories = sorted(table, key=lambda c: c['id'])
        self.lut = category_lut('cityscapes_vps', NAMES)
        self.colors = np.array([c['color']
                                for c in self.categories] + [[0, 0, 0]])
        self.label_ids = np.array([c['label_id'] for c in self.categories])

    def image_runs(self, video: SynthVideo) -> List[ImageRun]:
        """List the images: labelled ones, and all of 'val'."""
        names = [
            '_'.join(self._names(video, t)[:2]) for t in range(_NUM_FRAMES)
        ]
        every = list(enumerate(names))
        runs = [[(t, f'{video.split}/img/{name}.png')
                 for t, name in every[_STRIDE - 1::_STRIDE]]]
        if video.split == 'val':
            runs.append([(t, f'val/img_all/{name}.png') for t, name in every])
        return runs

    def write_video(self, root: Path, video: SynthVideo) -> Dict:
        """Write the images and label maps of the labelled frames."""
        labelled, every = [], []
        for t, image in enumerate(video.frames):
            name, ending, label_ending = self._names(video, t)
            info = dict(
                id=name,
                file_name=f'{name}_{ending}.png',
                width=self.cfg.width,
                height=self.cfg.height)
            if video.split == 'val':
                every.append(info)
                write_image(root / 'val/img_all' / info['file_name'], image)
            if (t + 1) % _STRIDE:
                continue
            write_image(root / video.split / 'img' / info['file_name'], image)
            file_name = f'{name}_{label_ending}.png'
            record = self._write_labels(root / video.split, file_name, video,
                                        t)
            labelled.append(dict(info=info, **record))
        return dict(labelled=labelled, every=every)

    def write_index(self, root: Path, split: str, records: List[Dict]) -> None:
        """Write the four JSON files of a split."""
        frames = [f for record in records for f in record['labelled']]
        images = [frame['info'] for frame in frames]
        annotations = [
            dict(
                image_id=frame['info']['id'],
                file_name=frame['label_file'],
                segments_info=frame['segments']) for frame in frames
        ]
        base = dict(images=images, categories=self._json_categories())
        write_json(root / f'panoptic_im_{split}_city_vps.json', base)
        write_json(root / f'panoptic_gt_{split}_city_vps.json',
                   dict(base, annotations=annotations))
        things = [
            dict(item, image_id=frame['info']['id']) for frame in frames
            for item in frame['instances']
        ]
        things = [dict(item, id=i) for i, item in enumerate(things, 1)]
        write_json(root / f'instances_{split}_city_vps_rle.json',
                   dict(base, annotations=things))
        if split == 'val':
            every = [info for record in records for info in record['every']]
            write_json(root / 'im_all_info_val_city_vps.json',
                       dict(base, images=every))

    def _names(self, video: SynthVideo, frame: int) -> Tuple[str, str, str]:
        """Return the image id and the endings of image and label file."""
        number = video.index + 1
        if video.split == 'val':
            number += self.cfg.num_train
        counter = (number - 1) * _NUM_FRAMES // _STRIDE + frame // _STRIDE + 1
        name = (f'{number:04d}_{counter:04d}_{_CITY}_{video.index:06d}_'
                f'{frame:06d}')
        if frame == _FINE_FRAME:
            return name, 'leftImg8bit', 'gtFine_color'
        return name, 'newImg8bit', 'final_mask'

    def _write_labels(self, folder: Path, file_name: str, video: SynthVideo,
                      frame: int) -> Dict:
        """Write all label maps of a frame and return its segments."""
        objects = video.id_maps[frame].astype(np.int64)
        crowds = [o.object_id for o in video.objects if o.iscrowd]
        is_crowd = np.isin(objects, crowds)
        categories = self.lut[video.label_maps[frame]]
        inst = self.label_ids[categories] * np.where(is_crowd, 1, 1000)
        inst = np.where(objects > 0, inst + (objects - 1) * ~is_crowd, 0)
        write_image(folder / 'cls' / file_name,
                    self.colors[categories].astype(np.uint8))
        write_image(folder / 'inst' / file_name, inst.astype(np.uint16))
        categories = np.where(is_crowd, -1, categories)
        ids = panoptic_ids(categories, objects * ~is_crowd)
        write_panoptic_map(str(folder / 'panoptic_video' / file_name), ids)
        write_image(folder / 'labelmap' / file_name,
                    np.where(categories < 0, 255, categories).astype(np.uint8))
        segments = segments_info(ids)
        return dict(
            label_file=file_name,
            segments=segments,
            instances=[
                self._instance(ids == s['id'], s) for s in segments
                if s['id'] >= 1000
            ])

    @staticmethod
    def _instance(mask: np.ndarray, segment: Dict) -> Dict:
        rle = mask_api.encode(np.asfortranarray(mask, dtype=np.uint8))
        return dict(
            category_id=segment['category_id'],
            inst_id=segment['id'] % 1000,
            iscrowd=0,
            area=segment['area'],
            bbox=mask_to_box(mask),
            segmentation=dict(
                size=list(mask.shape), counts=rle['counts'].decode()))

    def _json_categories(self) -> List[Dict]:
        return [
            dict(
                id=c['id'],
                name=c['name'],
                isthing=c['isthing'],
                color=c['color'],
                trainid=c['id'],
                ori_id=c['label_id'],
                supercategory=c['name'],
                instance_eval=c['isthing']) for c in self.categories
        ]


def write_cityscapes_vps(root: str, cfg: SynthCfg, **kwargs) -> bool:
    """Write a Cityscapes-VPS tree, see :class:`CityscapesVPSWriter`.

    Args:
        root (str): Target folder, the place of ``cityscapes_vps``.
        cfg (SynthCfg): What to generate.
        **kwargs: Arguments of :meth:`BaseWriter.write`.

    Returns:
        bool: False if the same data set was there already.
    """
    return CityscapesVPSWriter(cfg).write(root, **kwargs)
