"""ImageNet VID: boxes of every frame, 30 classes, long videos."""
from mmvis_plugin.registry import DATASETS
from .youtube_vis import YouTubeVIS


@DATASETS.register_module()
class ImageNetVID(YouTubeVIS):
    """Video object detection with track ids; no masks.

    Reads COCO-video JSON, as ``tools/dataset_converters/imagenet_vid.py``
    makes it of the official XML files, and YouTube-VIS JSON with ``bboxes``.

    Args:
        **kwargs: Arguments of :class:`YouTubeVIS` but ``version``.

    Source: Russakovsky et al., ImageNet Large Scale Visual Recognition
    Challenge, IJCV 2015.
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.get('version') is not None:
            raise ValueError('ImageNetVID has one version, expected no '
                             'version key')
        kwargs.setdefault('class_table', 'imagenet_vid')
        super().__init__(*args, **kwargs)
