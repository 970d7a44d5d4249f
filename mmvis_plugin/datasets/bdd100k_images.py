"""BDD100K detection and instance segmentation: still images."""
from typing import List

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .bdd100k_rles import category_by_name
from .class_tables import load_table, normalise_name
from .pseudo_video import CocoPseudoVideoDataset


@DATASETS.register_module()
class BDD100KImages(CocoPseudoVideoDataset):
    """Every image with one of the 8 classes of MOTS is a short video.

    Reads the COCO JSON that ``bdd100k.label.to_coco`` of the benchmark makes
    of ``det_20`` (boxes) and ``ins_seg_20`` (masks). Objects of other
    categories, as traffic lights, are left out.

    Args:
        clip_length (int): Frames per video. Defaults to 1: a pair of frames
            shows the same image twice.
        **kwargs: Arguments of :class:`CocoPseudoVideoDataset` but
            ``class_map``.

    Source: training of PCAN and QDTrack on BDD100K.
    """

    def __init__(self, *args, clip_length: int = 1, **kwargs) -> None:
        kwargs.setdefault('class_table', 'bdd100k_mots')
        super().__init__(
            *args,
            class_map={
                category['id']: category['name']
                for category in load_table('bdd100k_mots')['categories']
            },
            clip_length=clip_length,
            **kwargs)

    def _check_names(self, categories: List[dict]) -> None:
        super()._check_names(categories)
        known = category_by_name()
        for category in categories:
            expected = self.class_map.get(category['id'])
            found = known.get(normalise_name(category['name']))
            if expected is not None and found != (category['id'], False):
                raise AnnotationError(
                    f'{self.ann_file}: category {category["id"]} is '
                    f'{category["name"]!r}, expected {expected!r}; convert '
                    'the labels with bdd100k.label.to_coco')
