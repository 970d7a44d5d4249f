"""Second boxes of one object, of whatever class."""
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor


def find_duplicates(boxes: Tensor, thresholds: Tensor) -> Tensor:
    """Tell which boxes overlap a box of higher rank.

    Every box of higher rank counts, one that is a duplicate itself too, so
    no order of removal exists and all boxes are judged at once.

    Args:
        boxes (Tensor): x1, y1, x2, y2 by falling rank.
        thresholds (Tensor): IoU above which a box is a duplicate.

    Returns:
        Tensor: bool.

    Shape:
        - boxes: ``(N, 4)``; thresholds and output: ``(N, )``.

    Source: Pang et al., Quasi-Dense Similarity Learning for Multiple Object
    Tracking, CVPR 2021, section 3.3 ("duplicate removal").
    """
    overlaps = bbox_overlaps(boxes, boxes)
    return (overlaps.tril(diagonal=-1) > thresholds[:, None]).any(dim=1)
