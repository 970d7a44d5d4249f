"""Still images with panoptic maps: COCO, Cityscapes, and custom data."""
from os import path as osp
from typing import Tuple

from mmvis_plugin.registry import DATASETS
from .annotation_checks import read_json
from .panoptic_json import parse_panoptic_json
from .panoptic_video_dataset import PanopticVideoDataset
from .video_source import VideoSource

_GIVEN = '_gtFine_leftImg8bit.png'
_IMAGE = '_leftImg8bit.png'
LAYOUTS = ('coco', 'cityscapes')


@DATASETS.register_module()
class PanopticImages(PanopticVideoDataset):
    """Images with panoptic maps; each is a video of one frame.

    So they go through the pipelines and metrics of videos, and panopticapi
    is not needed. ``VPQMetric(windows=(1, ))`` is PQ.

    Args:
        layout (str): How images are found below ``data_prefix['img_path']``:
            'coco' by the names in the file; 'cityscapes' by what its
            preparation makes of them, ``<city>/<city>_..._leftImg8bit.png``
            for ``<city>_..._gtFine_leftImg8bit.png``. Maps have the names
            of the file in both. Defaults to 'coco'.
        **kwargs: Arguments of :class:`PanopticVideoDataset`. Without
            ``class_table`` classes are those of the file, things first.

    Source: the panoptic formats of COCO 2017 and of cityscapesscripts
    (``createPanopticImgs``).

    Differs from ``CocoPanopticDataset`` of mmdet: labels are things first
    whatever the order in the file (the same for COCO), and a map is found by
    its own name.
    """

    def __init__(self, *args, layout: str = 'coco', **kwargs) -> None:
        if layout not in LAYOUTS:
            raise ValueError(f'layout={layout!r} of PanopticImages, expected '
                             f'one of {LAYOUTS}')
        self.layout = layout
        super().__init__(*args, **kwargs)

    def load_videos(self) -> VideoSource:
        """Parse the annotation file."""
        data = read_json(self.ann_file,
                         f'data_root={self.data_root!r}, ann_file',
                         self.backend_args)
        source = parse_panoptic_json(data, self.ann_file, _alone)
        if self.layout == 'cityscapes':
            for video in source.videos:
                image, = video['images']
                image['file_name'] = cityscapes_image(image['file_name'])
        return self.with_map_paths(source)


def _alone(stem: str) -> Tuple[str, int]:
    """Return the video and the number of an image."""
    return stem, 0


def cityscapes_image(name: str) -> str:
    """Return where Cityscapes has an image of its panoptic file.

    Args:
        name (str): As in the file; other names stay as they are.

    Examples:
        >>> cityscapes_image('ulm_000001_000019_gtFine_leftImg8bit.png')
        'ulm/ulm_000001_000019_leftImg8bit.png'
    """
    if not name.endswith(_GIVEN):
        return name
    stem = name[:-len(_GIVEN)]
    return osp.join(stem.split('_')[0], stem + _IMAGE)
