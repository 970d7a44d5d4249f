"""RoIAlign as weighted sums of the rows of a table of features."""
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_fp32


@dataclass
class FeatureRows:
    """A feature pyramid as one table: a row holds the channels of a cell.

    Attributes:
        table (Tensor): ``(B, R, C)``, float32 at least; the cells of the
            first level row by row, then those of the next level.
        sizes (list[tuple[int, int]]): Height and width of each level.
    """
    table: Tensor
    sizes: List[Tuple[int, int]]

    @classmethod
    def from_levels(cls, feats: Sequence[Tensor]) -> 'FeatureRows':
        """Build the table from levels ``(B, C, h, w)``."""
        rows = [
            at_least_fp32(feat).permute(0, 2, 3, 1).flatten(1, 2)
            for feat in feats
        ]
        return cls(torch.cat(rows, 1), [tuple(f.shape[-2:]) for f in feats])

    def align(self, rois: Tensor, levels: Tensor, strides: Sequence[int],
              roi_size: int, sampling_ratio: int) -> Tensor:
        """Return what mmcv's ``RoIAlign(aligned=True)`` returns.

        A cell of the output is the mean of bilinear samples: a sum of rows
        whose weights are products of a weight in x and one in y.

        Args:
            rois (Tensor): ``(M, 5)``: image, x1, y1, x2, y2 in pixels; they
                get no gradient.
            levels (Tensor): ``(M, )`` long, level of each box.
            strides (Sequence[int]): Of the levels.
            roi_size (int): Side of the output ``s``.
            sampling_ratio (int): Samples per side of a cell of the output.

        Returns:
            Tensor: ``(M, C, s, s)``; a view of channels-last memory.
        """
        rois = rois.detach().to(self.table.dtype)
        sizes = torch.tensor(self.sizes, device=rois.device)
        first = sizes.prod(1).cumsum(0) - sizes.prod(1)
        first = first[levels] + rois[:, 0].long() * self.table.size(1)
        height, width = sizes[levels].unbind(1)
        scale = torch.tensor(strides, device=rois.device)[levels]
        x1, y1, x2, y2 = (rois[:, 1:] / scale[:, None] - 0.5).unbind(1)
        cols, in_x = _axis(x1, x2 - x1, width, roi_size, sampling_ratio)
        rows, in_y = _axis(y1, y2 - y1, height, roi_size, sampling_ratio)
        rows = rows * width[:, None, None] + first[:, None, None]
        # (M, s, s, taps in y, taps in x)
        index = rows[:, :, None, :, None] + cols[:, None, :, None, :]
        weight = in_y[:, :, None, :, None] * in_x[:, None, :, None, :]
        out = F.embedding_bag(
            index.flatten(0, 2).flatten(1).int(),
            self.table.flatten(0, 1),
            mode='sum',
            per_sample_weights=weight.flatten(0, 2).flatten(1))
        out = out.view(-1, roi_size, roi_size, self.table.size(-1))
        return out.permute(0, 3, 1, 2)


def _axis(start: Tensor, length: Tensor, limit: Tensor, roi_size: int,
          sampling_ratio: int) -> Tuple[Tensor, Tensor]:
    """Indices and weights of the samples of boxes along one axis.

    Args:
        start (Tensor): ``(M, )``, lower side of the boxes in cells.
        length (Tensor): ``(M, )``, in cells.
        limit (Tensor): ``(M, )``, cells of the level.
        roi_size (int): Cells of the output ``s``.
        sampling_ratio (int): Samples per cell of the output.

    Returns:
        tuple[Tensor, Tensor]: Index (long) and weight of the two neighbours
        of each sample, ``(M, s, 2 * sampling_ratio)``.
    """
    start, step = start[:, None, None], (length / roi_size)[:, None, None]
    cells = torch.arange(roi_size, device=start.device)[:, None]
    parts = torch.arange(sampling_ratio, device=start.device) + 0.5
    place = start + cells * step + parts * step / sampling_ratio
    limit = limit[:, None, None].to(place)
    # samples up to one cell outside take the value of the border
    inside = (place >= -1) & (place <= limit)
    place = torch.minimum(place.clamp(min=0), limit - 1)
    lower = place.floor()
    upper = torch.minimum(lower + 1, limit - 1)
    share = place - lower
    weight = torch.stack([1 - share, share], -1)
    weight = weight * inside[..., None] / sampling_ratio
    index = torch.stack([lower, upper], -1).long()
    return index.flatten(2), weight.flatten(2)
