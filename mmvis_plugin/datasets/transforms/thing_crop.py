"""Random crops that show a thing."""
from mmdet.datasets.transforms import RandomCrop
from mmdet.structures.bbox import autocast_box_type

from mmvis_plugin.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ThingCrop(RandomCrop):
    """Draw a crop again until it shows part of a thing.

    For still images, and clips of one frame: frames that share their random
    parameters would draw one crop over and over.

    Source: the preparation of images for PanopticFCN on Cityscapes.

    Args:
        max_draws (int): Draws before a crop without thing is taken, which
            is what an image without things always gets. Defaults to 10.
        **kwargs: Arguments of ``RandomCrop`` of mmdet.
    """

    def __init__(self, *args, max_draws: int = 10, **kwargs) -> None:
        if max_draws < 1:
            raise ValueError(f'max_draws={max_draws} of ThingCrop, expected '
                             'at least 1')
        super().__init__(*args, **kwargs)
        self.max_draws = max_draws

    @autocast_box_type()
    def transform(self, results: dict) -> dict:
        """Return the cropped image.

        Args:
            results (dict): With ``gt_bboxes``.
        """
        size = self._get_crop_size(results['img'].shape[:2])
        boxes = results['gt_bboxes']
        for _ in range(self.max_draws if len(boxes) > 0 else 0):
            # a crop moves boxes in place and replaces all else
            draw = dict(results, gt_bboxes=boxes.clone())
            found = self._crop_data(draw, size, allow_negative_crop=False)
            if found is not None:
                return found
        return self._crop_data(results, size, allow_negative_crop=True)

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, max_draws={self.max_draws})'
