"""What HybridTracker takes from its segmenter, and what it adds."""
from typing import NamedTuple, Tuple

import torch
# not in the structures of the official mmdet
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from torch import Tensor, nn

from .local_instances import LocalInstances, local_instances


class ClassCounts(NamedTuple):
    """Classes of a panoptic segmenter, things before stuff.

    Attributes:
        things (int): Classes of things.
        total (int): All classes, and the label of void.
    """
    things: int
    total: int


class SegmentedFrame(NamedTuple):
    """A frame before it has identities.

    Attributes:
        instances (LocalInstances): The things that are tracked.
        labels (Tensor): ``(H, W)`` int64, label of the stuff of each pixel;
            that of void where there is none.
    """
    instances: LocalInstances
    labels: Tensor

    def with_ids(self, ids: Tensor) -> Tensor:
        """Return the panoptic map ``(H, W)``, label + 1000 x identity.

        Args:
            ids (Tensor): ``(n, )``, identities of the instances.
        """
        id_map, labels = self.instances
        values = labels.new_zeros(len(labels) + 1)
        values[1:] = labels + INSTANCE_OFFSET * ids.to(labels)
        return torch.where(id_map > 0, values[id_map], self.labels)


def class_counts(segmentor: nn.Module) -> ClassCounts:
    """Ask a panoptic segmenter for its classes.

    Args:
        segmentor (nn.Module): A model of mmdet or of this package.

    Raises:
        ValueError: If it is no panoptic segmenter.
    """
    found = [
        getattr(segmentor, name, None)
        for name in ('num_things_classes', 'num_stuff_classes')
    ]
    if None in found:
        raise ValueError(
            f'segmentor of HybridTracker is a {type(segmentor).__name__} '
            'without num_things_classes and num_stuff_classes, expected a '
            'panoptic segmenter such as PanopticFCN, PanopticFPN or '
            'Mask2Former')
    return ClassCounts(found[0], sum(found))


def segmented_frame(sample: DetDataSample, size: Tuple[int, int],
                    counts: ClassCounts, min_area: int,
                    name: str) -> SegmentedFrame:
    """Take the things and the stuff of a frame from its segmentation.

    Args:
        sample (DetDataSample): Of a segmenter: ``pred_panoptic_seg`` with
            ``sem_seg`` ``(1, H, W)`` and, if there, the metainfo
            ``segments_info`` with ``isthing`` of each segment.
        size (tuple[int, int]): Height and width that the map must have.
        counts (ClassCounts): Of the segmenter.
        min_area (int): Things of fewer pixels become void.
        name (str): What messages call the frame.

    Raises:
        ValueError: If there is no map, of another size, or with other
            things than in the list of its segments.
    """
    panoptic = sample.get('pred_panoptic_seg')
    if panoptic is None or 'sem_seg' not in panoptic:
        raise ValueError(
            f'{name}: the segmenter gives no pred_panoptic_seg.sem_seg, '
            f'expected it among {sorted(sample.keys())}; use a panoptic '
            'segmenter, and panoptic_on=True in the test_cfg of Mask2Former')
    pan_map = panoptic.sem_seg.reshape(panoptic.sem_seg.shape[-2:]).long()
    if pan_map.shape != tuple(size):
        raise ValueError(f'{name}: panoptic map of size '
                         f'{tuple(pan_map.shape)}, expected {tuple(size)} as '
                         'the frame; the segmenter must predict at this size')
    instances = local_instances(pan_map, counts.things)
    segments = panoptic.get('segments_info')
    if segments is not None:
        num_listed = sum(bool(segment['isthing']) for segment in segments)
        if len(instances.labels) > num_listed:
            raise ValueError(
                f'{name}: id map with {len(instances.labels)} things, its '
                f'list of segments has {num_listed}; expected every id of '
                'the map in the list')
    if min_area > 1:
        instances = local_instances(pan_map, counts.things, min_area)
    labels = pan_map % INSTANCE_OFFSET
    return SegmentedFrame(
        instances, labels.masked_fill(labels < counts.things, counts.total))
