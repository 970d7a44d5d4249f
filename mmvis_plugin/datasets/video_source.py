"""What a reader of annotation files hands to ``VideoSegDataset``."""
from collections import Counter
from dataclasses import dataclass, field
from typing import List


@dataclass
class VideoSource:
    """Videos in the terms of their source, before classes and filters.

    Attributes:
        videos (list[dict]): ``video_id``, ``video_name`` and ``images``.
            Each image has ``img_id``, ``file_name``, ``height``, ``width``,
            ``src_frame``, ``has_ann``, ``instances`` and, if the source has
            panoptic maps, ``seg_map_path`` and ``segments_info``. Each
            instance has ``category_id`` (of the source), ``instance_id``
            (unique in its video), ``bbox`` (x1, y1, x2, y2), ``ignore_flag``,
            ``area`` and, if there is one, ``mask``.
        categories (list[dict]): ``id`` and ``name``, ascending by id.
        annotated (bool): False if the source knows nothing about objects.
        drops (Counter): What the reader left out, by reason.
    """
    videos: List[dict]
    categories: List[dict]
    annotated: bool = True
    drops: Counter = field(default_factory=Counter)
