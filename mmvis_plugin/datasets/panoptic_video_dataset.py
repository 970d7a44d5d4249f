"""What all datasets of panoptic videos have in common."""
from typing import Any, Dict, List, Optional, Sequence

from mmengine import fileio
from mmengine.logging import MMLogger

from mmvis_plugin.utils.errors import AnnotationError
from .class_tables import normalise_name, table_categories
from .panoptic_records import finish_segments
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource

_MAX_CLASSES = 255


class PanopticVideoDataset(VideoSegDataset):
    """Videos whose annotated frames have a map of segment ids.

    Labels are the things first, ascending by category id, then the stuff.
    The metainfo has ``classes``, ``thing_classes``, ``stuff_classes``,
    ``label2cat`` and, if colours are known, ``palette``. Maps are read by
    the pipeline (``LoadFramePanoptic``), never here.

    Categories of the file belong to those of the class table with the same
    id, whatever their spelling; without a table they stand for themselves.

    A subclass implements ``load_videos``: frames have ``segments_info`` with
    ``category_id`` and ``seg_map_file``, below
    ``data_prefix['seg_map_path']``; it ends with :meth:`with_map_paths`.

    Args:
        class_table (str, optional): Stem of a file in
            ``mmvis_plugin/datasets/classes``. ``metainfo['classes']``, things
            first, may pick some of its classes; with neither, the classes
            are those of the file.
        metainfo (dict, optional): Metainfo that wins over all else.
        **kwargs: Arguments of :class:`VideoSegDataset`. With
            ``unknown='drop'`` segments outside the classes become void.

    Raises:
        ValueError: If the classes are not in the order things, stuff.
    """

    def __init__(self,
                 *args,
                 class_table: Optional[str] = None,
                 metainfo: Optional[dict] = None,
                 **kwargs) -> None:
        given = metainfo or {}
        self._has_palette = 'palette' in given
        if class_table is not None:
            table = table_categories(class_table)
            metainfo = {
                **panoptic_metainfo(table, given.get('classes')),
                **given
            }
        super().__init__(
            *args, class_table=class_table, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return all videos, ascending by id, before filtering."""
        videos = super().load_data_list()
        num_things, next_id = len(self._metainfo['thing_classes']), 1
        for video in videos:
            next_id = finish_segments(video, self.cat2label, num_things,
                                      next_id, self.ann_file, self.unknown,
                                      self.on_label_conflict, self.drops)
        return videos

    def with_map_paths(self, source: VideoSource) -> VideoSource:
        """Turn ``seg_map_file`` of all frames into ``seg_map_path``.

        Args:
            source (VideoSource): Result of a reader; changed in place.

        Raises:
            ValueError: If ``data_prefix`` does not say where the maps are.
        """
        prefix = self.data_prefix.get('seg_map_path')
        if source.annotated and prefix is None:
            raise ValueError(f'data_prefix={self.data_prefix} of '
                             f'{type(self).__name__}, expected a key '
                             'seg_map_path, the folder of the maps')
        for video in source.videos:
            for image in video['images']:
                if 'seg_map_file' in image:
                    image['seg_map_path'] = fileio.join_path(
                        prefix, image.pop('seg_map_file'))
        return source

    def _set_classes(self, categories: List[dict]) -> None:
        table = []
        if self.class_table is not None:
            table = table_categories(self.class_table)
        categories = _named_by_id(categories, table, self.ann_file)
        super()._set_classes(things_first(categories))
        classes = self._metainfo['classes']
        if len(classes) > _MAX_CLASSES:
            raise ValueError(f'{len(classes)} classes of '
                             f'{type(self).__name__}, expected at most '
                             f'{_MAX_CLASSES}')
        meta = panoptic_metainfo(table + categories, classes)
        ordered = (*meta['thing_classes'], *meta['stuff_classes'])
        if sorted(ordered) != sorted(classes):
            lost = sorted(set(classes) - set(ordered))
            raise AnnotationError(
                f'{self.ann_file}: neither its categories nor the class '
                f'table say whether {lost} are things; set isthing of its '
                'categories')
        if ordered != classes:
            raise ValueError(
                f"metainfo['classes'] of {type(self).__name__} starts with "
                f'{classes[:5]}, expected things first: {ordered[:5]}')
        palette = self._metainfo.get('palette') if self._has_palette else None
        self._metainfo.pop('palette', None)
        self._metainfo.update(meta)
        if palette is not None:
            self._metainfo['palette'] = palette


def things_first(categories: List[dict]) -> List[dict]:
    """Sort categories in the order of their labels.

    Args:
        categories (list[dict]): ``id`` and ``isthing``.
    """
    return sorted(categories, key=lambda c: (not c['isthing'], c['id']))


def panoptic_metainfo(categories: List[dict],
                      classes: Optional[Sequence[str]] = None) -> dict:
    """Return the metainfo of panoptic classes.

    Args:
        categories (list[dict]): ``id``, ``name``, ``isthing`` and, if known,
            ``color``; of two categories of one name the first counts.
        classes (Sequence[str], optional): The classes, in order; those that
            are no category are left out of ``thing_classes`` and
            ``stuff_classes``. None takes all, things first.

    Returns:
        dict: ``classes``, ``thing_classes``, ``stuff_classes`` and, if all
        have a colour, ``palette``.
    """
    by_name: Dict[str, dict] = {}
    for category in categories:
        by_name.setdefault(normalise_name(category['name']), category)
    if classes is None:
        classes = [c['name'] for c in things_first(list(by_name.values()))]
    found = [(name, by_name[normalise_name(name)]) for name in classes
             if normalise_name(name) in by_name]
    meta = dict(
        classes=tuple(classes),
        thing_classes=tuple(name for name, c in found if c['isthing']),
        stuff_classes=tuple(name for name, c in found if not c['isthing']))
    if len(found) == len(classes) and all('color' in c for _, c in found):
        meta['palette'] = [tuple(c['color']) for _, c in found]
    return meta


def _named_by_id(categories: List[dict], table: List[dict],
                 file: str) -> List[dict]:
    """Return the categories, those of the table as the table has them."""
    official = {category['id']: category for category in table}
    named, renamed = [], []
    for category in categories:
        known = official.get(category['id'])
        isthing = category.get('isthing', known and known['isthing'])
        if isthing not in (0, 1) or known and isthing != known['isthing']:
            expected = known['isthing'] if known else '0 or 1'
            raise AnnotationError(
                f'{file}: category {category["id"]} ({category["name"]}) has '
                f'isthing {isthing!r}, expected {expected}; correct it, or '
                'set class_table to match the file')
        if known is None:
            known = dict(category, isthing=isthing)
            if not _is_color(known.get('color')):
                known.pop('color', None)
        elif normalise_name(category['name']) != normalise_name(known['name']):
            renamed.append(f'{category["name"]} -> {known["name"]}')
        named.append(known)
    if renamed:
        MMLogger.get_current_instance().warning(
            f'{file}: categories named by their id: {", ".join(renamed[:8])}')
    return named


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(
        type(v) is int and 0 <= v <= 255 for v in value)
