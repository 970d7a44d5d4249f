"""ImageNet DET: still images with the classes of ImageNet VID."""
from typing import List

from mmvis_plugin.registry import DATASETS
from .class_tables import load_table
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
        # the ids are those of the class table, so the names must be too
        self._coco_names = self.class_map
        super()._check_names(categories)
