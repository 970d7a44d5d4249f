"""OVIS: YouTube-VIS format, 25 classes, long and crowded videos."""
from mmvis_plugin.registry import DATASETS
from .youtube_vis import YouTubeVIS


@DATASETS.register_module()
class OVIS(YouTubeVIS):
    """Occluded video instance segmentation.

    Class names are compared without case, and 'Vehical', as the class list
    of the benchmark spells it, is also found as 'Vehicle'.

    Args:
        **kwargs: Arguments of :class:`YouTubeVIS` but ``version``.

    Source: Qi et al., Occluded Video Instance Segmentation, IJCV 2022.
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.get('version') is not None:
            raise ValueError('OVIS has one version, expected no version key')
        kwargs.setdefault('class_table', 'ovis')
        super().__init__(*args, **kwargs)
