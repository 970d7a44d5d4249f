"""Still images of COCO as videos, for joint training with VIS data."""
from collections import Counter, OrderedDict
from os import path as osp
from typing import Dict, List, Optional, Tuple, Union

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, parse_categories, positive_size,
                                read_json, require, require_annotations,
                                require_text)
from .class_tables import load_table, normalise_name
from .defects import Defects
from .object_checks import build_instance
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource


@DATASETS.register_module()
class CocoPseudoVideoDataset(VideoSegDataset):
    """Every image of a COCO instances file is a video of equal frames.

    Only objects of mapped categories are kept, and only images that have
    one. Motion is up to the pipeline, see ``PseudoMotion``.

    Args:
        class_map (str | dict): 'youtube_vis_2019', 'youtube_vis_2021' or
            'ovis' for the map of that benchmark, whose class list is then
            the default; or a dict from COCO category ids to names of
            ``metainfo['classes']``.
        clip_length (int): Frames per video. Defaults to 3.
        **kwargs: Arguments of :class:`VideoSegDataset`.

    Source: joint training of InsPro, rows "(C)"; the maps are data files.
    """

    MAP_FILE = 'coco_joint_maps'

    def __init__(self,
                 *args,
                 class_map: Union[str, Dict[int, str]],
                 clip_length: int = 3,
                 **kwargs) -> None:
        if clip_length < 1:
            raise ValueError(f'clip_length={clip_length} of '
                             'CocoPseudoVideoDataset, expected at least 1')
        self.clip_length = clip_length
        self.class_map, self._coco_names = _read_map(class_map)
        if isinstance(class_map, str):
            kwargs.setdefault('class_table', class_map)
        super().__init__(*args, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the COCO file into videos of one frame."""
        file = self.ann_file
        data = read_json(file, f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        categories = parse_categories(data, file, self.defects)
        self._check_names(categories)
        targets = list(OrderedDict.fromkeys(self.class_map.values()))
        target_id = {name: i + 1 for i, name in enumerate(targets)}
        # None: a category of the file without a class
        to_target = {category['id']: None for category in categories}
        to_target.update((coco_id, target_id[name])
                         for coco_id, name in self.class_map.items()
                         if coco_id in to_target)
        reader = _CocoReader(file, to_target, self.defects)
        return reader.read(
            data, [dict(id=i, name=name) for name, i in target_id.items()])

    def load_data_list(self) -> List[dict]:
        """Return the videos, each frame repeated ``clip_length`` times."""
        videos = super().load_data_list()
        for video in videos:
            frame = video['images'][0]
            first_id = (frame['img_id'] - 1) * self.clip_length + 1
            video['images'] = [
                dict(frame, frame_id=t, src_frame=t, img_id=first_id + t)
                for t in range(self.clip_length)
            ]
            video['video_length'] = self.clip_length
        return videos

    def _check_names(self, categories: List[dict]) -> None:
        for category in categories:
            expected = self._coco_names.get(category['id'])
            if expected is not None and (normalise_name(expected)
                                         != normalise_name(category['name'])):
                raise AnnotationError(
                    f'{self.ann_file}: category {category["id"]} is '
                    f'{category["name"]!r}, expected {expected!r}; give '
                    'class_map as a dict for other category ids')
        if not any(c['id'] in self.class_map for c in categories):
            raise AnnotationError(
                f'{self.ann_file}: no class in common: none of its category '
                f'ids is in class_map {sorted(self.class_map)}')


def _read_map(
    class_map: Union[str, Dict[int, str]]
) -> Tuple[Dict[int, str], Dict[int, str]]:
    if not isinstance(class_map, str):
        return {int(key): name for key, name in class_map.items()}, {}
    maps = load_table(CocoPseudoVideoDataset.MAP_FILE)
    rows = maps.get(f'to_{class_map}')
    if rows is None:
        known = [key[3:] for key in maps if key.startswith('to_')]
        raise ValueError(f'class_map={class_map!r} of CocoPseudoVideoDataset,'
                         f' expected one of {known} or a dict')
    return ({
        row['coco_id']: row['target_name']
        for row in rows
    }, {
        row['coco_id']: row['coco_name']
        for row in rows
    })


class _CocoReader:

    def __init__(self, file: str, to_target: Dict[int, Optional[int]],
                 defects: Defects) -> None:
        self.file = file
        self.to_target = to_target
        self.defects = defects
        self.drops: Counter = Counter()
        # None: the record is broken
        self.videos: Dict[int, Optional[dict]] = {}

    def read(self, data: dict, categories: List[dict]) -> VideoSource:
        annotations = require_annotations(data, self.file)
        for i, raw in enumerate(
                require(data, 'images', self.file, types=list)):
            with self.defects:
                self._add_image(raw, f'images[{i}]', i + 1)
        seen = set()
        for i, ann in enumerate(annotations):
            with self.defects:
                self._add_object(ann, f'annotations[{i}]', seen)
        videos = [v for v in self.videos.values() if v is not None]
        kept = [v for v in videos if v['images'][0]['instances']]
        self.drops['image without a mapped object'] += len(videos) - len(kept)
        return VideoSource(kept, categories, bool(annotations), self.drops)

    def _add_image(self, raw: dict, where: str, number: int) -> None:
        img_id = require(raw, 'id', self.file, where, int)
        check_new(img_id, self.videos, 'image id', self.file, where)
        self.videos[img_id] = None
        name = require_text(raw, 'file_name', self.file, where)
        height, width = positive_size(raw, self.file, where)
        image = dict(
            img_id=number,
            file_name=name,
            height=height,
            width=width,
            src_frame=0,
            has_ann=True,
            instances=[])
        self.videos[img_id] = dict(
            video_id=img_id,
            video_name=osp.splitext(osp.basename(name))[0],
            images=[image])

    def _add_object(self, ann: dict, where: str, seen: set) -> None:
        file = self.file
        ann_id = require(ann, 'id', file, where, int)
        check_new(ann_id, seen, 'annotation id', file, where)
        seen.add(ann_id)
        category_id = require(ann, 'category_id', file, where, int)
        if category_id not in self.to_target:
            raise AnnotationError(f'{file}: unknown category {category_id} '
                                  f'in {where} (id {ann_id})')
        img_id = require(ann, 'image_id', file, where, int)
        if img_id not in self.videos:
            raise AnnotationError(f'{file}: {where} (id {ann_id}) belongs to '
                                  f'image {img_id}, which is not in images')
        video, target = self.videos[img_id], self.to_target[category_id]
        if target is None:
            self.drops['object of a category without a class'] += 1
        elif video is not None:
            self._add_instance(video['images'][0], ann, target)

    def _add_instance(self, image: dict, ann: dict, target: int) -> None:
        where = f'{self.file}: annotation {ann["id"]}'
        mask, bbox = ann.get('segmentation'), ann.get('bbox')
        if mask is None and bbox is None:
            raise AnnotationError(f'{where}: neither segmentation nor bbox')
        try:
            # Hundreds of thousands of polygons are rasterised when a frame
            # is read, not here.
            instance = build_instance(
                dict(ann, category_id=target),
                len(image['instances']) + 1,
                mask,
                bbox,
                ann.get('area'), (image['height'], image['width']),
                self.drops,
                rasterise=False)
        except ValueError as error:
            raise AnnotationError(f'{where}: {error}') from None
        if instance is not None:
            image['instances'].append(instance)
