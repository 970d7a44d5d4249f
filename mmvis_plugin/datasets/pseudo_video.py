"""Still images of COCO as videos, for joint training with VIS data."""
from collections import Counter, OrderedDict
from os import path as osp
from typing import Dict, List, Optional, Tuple, Union

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, parse_box, parse_categories,
                                parse_mask, positive_size, read_json, require,
                                valid_polygons)
from .class_tables import load_table, normalise_name
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
        self._check_names(parse_categories(data, file))
        targets = list(OrderedDict.fromkeys(self.class_map.values()))
        target_id = {name: i + 1 for i, name in enumerate(targets)}
        to_target = {
            coco_id: target_id[name]
            for coco_id, name in self.class_map.items()
        }
        videos = _parse_images(data, file)
        annotations = data.get('annotations') or []
        drops = _add_annotations(annotations, videos, to_target, file)
        kept = [v for v in videos.values() if v['images'][0]['instances']]
        drops['image without a mapped object'] += len(videos) - len(kept)
        return VideoSource(
            kept, [dict(id=i, name=name) for name, i in target_id.items()],
            bool(annotations), drops)

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


def _parse_images(data: dict, file: str) -> Dict[int, dict]:
    videos: Dict[int, dict] = {}
    for i, raw in enumerate(require(data, 'images', file, types=list)):
        where = f'images[{i}]'
        img_id = require(raw, 'id', file, where, int)
        check_new(img_id, videos, 'image id', file, where)
        name = require(raw, 'file_name', file, where, str)
        height, width = positive_size(raw, file, where)
        image = dict(
            img_id=i + 1,
            file_name=name,
            height=height,
            width=width,
            src_frame=0,
            has_ann=True,
            instances=[])
        videos[img_id] = dict(
            video_id=img_id,
            video_name=osp.splitext(osp.basename(name))[0],
            images=[image])
    return videos


def _add_annotations(annotations: List[dict], videos: Dict[int, dict],
                     to_target: Dict[int, int], file: str) -> Counter:
    drops, seen = Counter(), set()
    for i, ann in enumerate(annotations):
        where = f'annotations[{i}]'
        ann_id = require(ann, 'id', file, where, int)
        check_new(ann_id, seen, 'annotation id', file, where)
        seen.add(ann_id)
        target = to_target.get(require(ann, 'category_id', file, where, int))
        if target is None:
            continue
        video = videos.get(require(ann, 'image_id', file, where, int))
        if video is None:
            raise AnnotationError(f'{file}: {where} (id {ann_id}) belongs to '
                                  f'image {ann["image_id"]}, which is not in '
                                  'images')
        image = video['images'][0]
        try:
            instance = _build(ann, target, image, drops)
        except ValueError as error:
            raise AnnotationError(
                f'{file}: annotation {ann_id}: {error}') from None
        if instance is not None:
            instance['instance_id'] = len(image['instances']) + 1
            image['instances'].append(instance)
    return drops


def _build(ann: dict, category_id: int, image: dict,
           drops: Counter) -> Optional[dict]:
    bbox = parse_box(ann.get('bbox'))
    instance = dict(
        category_id=category_id,
        bbox=bbox,
        area=float(ann.get('area', (bbox[2] - bbox[0]) * (bbox[3] - bbox[1]))),
        ignore_flag=int(bool(ann.get('iscrowd'))))
    segmentation = ann.get('segmentation')
    if isinstance(segmentation, list):
        # Hundreds of thousands of polygons are rasterised when a frame is
        # read, not here.
        instance['mask'] = valid_polygons(segmentation, drops)
        if not instance['mask']:
            drops['object without a valid polygon'] += 1
            return None
    elif segmentation is not None:
        instance['mask'] = parse_mask(segmentation, image['height'],
                                      image['width'], drops)
    return instance
