"""ImageNet DET: still images with the classes of ImageNet VID."""
from typing import List

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .class_tables import load_table, normalise_name
from .pseudo_video import CocoPseudoVideoDataset


@DATASETS.register_module()
class ImageNetDET(CocoPseudoVideoDataset):
    """Every image with one of the 30 classes is a video of equal frames.

    Reads the COCO JSON that ``tools/dataset_converters/imagenet_vid.py``
    makes; boxes only. Categories of other ids are left out, as the 31st of
    other converters.

    Args:
        clip_length (int): Frames per video. Defaults to 3.
        **kwargs: Arguments of :class:`CocoPseudoVideoDataset` but
            ``class_map``.

    Source: InsPro section A.5: a clip of DET is three times the same image.
    """

    def __init__(self, *args, clip_length: int = 3, **kwargs) -> None:
        kwargs.setdefault('class_table', 'imagenet_vid')
        super().__init__(
            *args,
            class_map={
                category['id']: category['name']
                for category in load_table('imagenet_vid')['categories']
            },
            clip_length=clip_length,
            **kwargs)

    def _check_names(self, categories: List[dict]) -> None:
        super()._check_names(categories)
        for category in categories:
            expected = self.class_map.get(category['id'], category['name'])
            if normalise_name(expected) != normalise_name(category['name']):
                raise AnnotationError(
                    f'{self.ann_file}: category {category["id"]} is '
                    f'{category["name"]!r}, expected {expected!r}; convert '
                    'the XML files with imagenet_vid.py')
