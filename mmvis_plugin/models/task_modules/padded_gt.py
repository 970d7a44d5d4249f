"""Ground truth of a batch of clips as padded tensors."""
from dataclasses import dataclass
from typing import Sequence, Union

import torch
import torch.nn.functional as F
from mmdet.structures import TrackDataSample
from mmdet.structures.bbox import get_box_tensor
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass
class PaddedGT:
    """Objects of ``B`` clips of ``T`` frames, padded to ``G >= 1``.

    Attributes:
        labels (Tensor): ``(B, T, G)`` long, 0 for padding.
        boxes (Tensor): ``(B, T, G, 4)``, xyxy pixels, 0 for padding.
        ids (Tensor): ``(B, T, G)`` long, equal for one object over the
            frames of a clip; -1 for padding.
        valid (Tensor): ``(B, T, G)`` bool, False for padding.
        whwh (Tensor): ``(B, T, 4)``, width and height of the image without
            padding, twice.
    """
    labels: Tensor
    boxes: Tensor
    ids: Tensor
    valid: Tensor
    whwh: Tensor

    @classmethod
    def from_samples(cls, samples: Sequence[TrackDataSample],
                     device: Union[str, torch.device]) -> 'PaddedGT':
        """Read ``gt_instances`` and ``img_shape`` of every frame.

        Objects keep their order. Ids must not be negative.

        Args:
            samples (Sequence[TrackDataSample]): Clips of equal length.
            device (str or torch.device): Of the result.

        Returns:
            PaddedGT: Tensors on ``device``.

        Raises:
            ValueError: If the clips have different numbers of frames.
        """
        lengths = {len(sample) for sample in samples}
        if len(lengths) != 1:
            raise ValueError(f'clips of a batch have {sorted(lengths)} '
                             'frames, expected one length: sample as many '
                             'frames from every video')
        frames = [frame for sample in samples for frame in sample]
        objects = [frame.gt_instances for frame in frames]

        def pad(tensors, value):
            padded = pad_sequence(tensors, True, value).to(device)
            if padded.size(1) == 0:
                extra = (0, 0) * (padded.dim() - 2) + (0, 1)
                padded = F.pad(padded, extra, value=value)
            return padded.unflatten(0, (len(samples), -1))

        labels = pad([obj.labels.long() for obj in objects], 0)
        boxes = [get_box_tensor(obj.bboxes).float() for obj in objects]
        ids = pad([obj.instances_ids.long() for obj in objects], -1)
        counts = torch.tensor([len(obj.labels) for obj in objects])
        valid = torch.arange(labels.size(-1)) < counts[:, None]
        shapes = [frame.img_shape[:2] for frame in frames]
        whwh = torch.tensor([(w, h, w, h) for h, w in shapes]).float()
        return cls(labels, pad(boxes, 0), ids,
                   valid.view(labels.shape).to(device),
                   whwh.view(*labels.shape[:2], 4).to(device))
