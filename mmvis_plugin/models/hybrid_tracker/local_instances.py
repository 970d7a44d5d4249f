"""Instances of a frame out of a panoptic map of any segmenter."""
from typing import NamedTuple

import torch
# not in the structures of the official mmdet
from mmdet.evaluation.functional import INSTANCE_OFFSET
from torch import Tensor


class LocalInstances(NamedTuple):
    """Things of a frame.

    Attributes:
        id_map (Tensor): ``(H, W)`` int64, 0 for no thing, else row of
            ``labels`` + 1.
        labels (Tensor): ``(n, )`` int64.
    """
    id_map: Tensor
    labels: Tensor


def local_instances(pan_map: Tensor,
                    num_things: int,
                    min_area: int = 0) -> LocalInstances:
    """Number the things of a panoptic map from 1 to their number.

    They are in the order of the numbers that the segmenter has given, as in
    its list of segments.

    Args:
        pan_map (Tensor): Label + 1000 x number of things, label of others.
        num_things (int): Classes of things, which are the first labels.
        min_area (int): Things of fewer pixels are left out: they only
            disturb the matching. Defaults to 0.

    Returns:
        LocalInstances: Map and labels.

    Shape:
        - pan_map: ``(H, W)``, integers.
    """
    pan_map = pan_map.long()
    # the values are small: counting them is faster than sorting pixels
    areas = pan_map.flatten().bincount()
    values = torch.arange(len(areas), device=pan_map.device)
    labels, numbers = values % INSTANCE_OFFSET, values // INSTANCE_OFFSET
    kept = (labels < num_things) & (numbers > 0) & (areas >= max(min_area, 1))
    # values are ascending: by number, then by label
    chosen = kept.nonzero()[:, 0]
    local = torch.zeros_like(values)
    local[chosen] = torch.arange(1, len(chosen) + 1, device=values.device)
    return LocalInstances(local[pan_map], labels[chosen])
