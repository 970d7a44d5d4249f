"""Correlation of all pairs of cells, looked up around the current flow."""
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

NUM_LEVELS = 4


class VolumeCorrelation:
    r"""Keeps the correlation of every cell with every other cell.

    Dot products over :math:`\sqrt{D}`; the pyramid averages 2 x 2 target
    cells. Costs :math:`\frac43 (h w)^2` floats per pair of frames.

    Source: RAFT, section 3.2.

    Args:
        fmap1 (Tensor): ``(B, D, h, w)`` features of the first frames.
        fmap2 (Tensor): ``(B, D, h, w)`` features of the second frames.
        radius (int): Of the window.
    """

    def __init__(self, fmap1: Tensor, fmap2: Tensor, radius: int) -> None:
        self.radius = radius
        rows = _scaled_rows(fmap1).flatten(0, 1)  # (B * h * w, D)
        batch = fmap1.size(0)
        pyramid = _correlate(rows.view(batch, -1, rows.size(1)), fmap2)
        self.pyramid = [level.flatten(0, 1) for level in pyramid]

    def __call__(self, coords: Tensor) -> Tensor:
        """Look up the windows around ``coords``.

        Args:
            coords (Tensor): ``(B, 2, h, w)``, column and row in the second
                frame of every cell of the first.

        Returns:
            Tensor: ``(B, 4 * (2 * radius + 1)**2, h, w)``.
        """
        batch, _, height, width = coords.shape
        places = coords.permute(0, 2, 3, 1).reshape(-1, 2)
        windows = _look_up(self.pyramid, places, self.radius)
        windows = windows.view(batch, height, width, -1)
        return windows.permute(0, 3, 1, 2)


class ChunkedCorrelation:
    """Computes the volume of a slice of cells when it is looked up.

    Equal to :class:`VolumeCorrelation` up to rounding, as pooling is linear.
    Keeps only the features; the products of a slice are made anew in every
    iteration.

    Args:
        fmap1 (Tensor): ``(B, D, h, w)`` features of the first frames.
        fmap2 (Tensor): ``(B, D, h, w)`` features of the second frames.
        radius (int): Of the window.
        chunk_size (int): Cells per slice at most; never more than a
            32nd of the cells. Defaults to 1024.
    """

    def __init__(self,
                 fmap1: Tensor,
                 fmap2: Tensor,
                 radius: int,
                 chunk_size: int = 1024) -> None:
        self.radius = radius
        self.rows = _scaled_rows(fmap1)
        self.fmap2 = fmap2
        self.chunk_size = max(min(chunk_size, self.rows.size(1) // 32), 1)

    def __call__(self, coords: Tensor) -> Tensor:
        """Look up the windows around ``coords``.

        Args:
            coords (Tensor): ``(B, 2, h, w)``, column and row in the second
                frame of every cell of the first.

        Returns:
            Tensor: ``(B, 4 * (2 * radius + 1)**2, h, w)``.
        """
        batch, _, height, width = coords.shape
        num, side = self.rows.size(1), 2 * self.radius + 1
        places = coords.flatten(2).transpose(1, 2)
        windows = self.rows.new_empty((batch, num, NUM_LEVELS * side**2))
        for k in range(batch):
            for start in range(0, num, self.chunk_size):
                part = slice(start, start + self.chunk_size)
                pyramid = _correlate(self.rows[k:k + 1, part],
                                     self.fmap2[k:k + 1])
                windows[k, part] = _look_up([level[0] for level in pyramid],
                                            places[k, part], self.radius)
        windows = windows.view(batch, height, width, -1)
        return windows.permute(0, 3, 1, 2)


def _scaled_rows(fmap: Tensor) -> Tensor:
    """``(B, h * w, D)``, divided by the root of ``D``."""
    return fmap.flatten(2).transpose(1, 2) / fmap.size(1)**0.5


def _correlate(rows: Tensor, fmap2: Tensor) -> List[Tensor]:
    """Pyramid of ``(B, N, h_l, w_l)`` products with all cells of ``fmap2``."""
    height, width = fmap2.shape[-2:]
    with torch.autocast(rows.device.type, enabled=False):
        level = (rows @ fmap2.flatten(2)).unflatten(2, (height, width))
    pyramid = [level]
    for _ in range(NUM_LEVELS - 1):
        level = F.avg_pool2d(level, 2)
        pyramid.append(level)
    return pyramid


def _look_up(pyramid: List[Tensor], places: Tensor, radius: int) -> Tensor:
    """Bilinear windows of all levels, fine to coarse.

    All samples of a window share their fraction of a cell: a window of one
    more cell per side is gathered once and blended along each axis.

    Args:
        pyramid (list[Tensor]): ``(N, h_l, w_l)``.
        places (Tensor): ``(N, 2)``, column and row on the finest level.
        radius (int): Of the window.

    Returns:
        Tensor: ``(N, levels * (2 * radius + 1)**2)``; in a level the offset
        in x is the slow index.
    """
    windows = []
    for i, level in enumerate(pyramid):
        x, y = (places.to(level) / 2**i).unbind(1)
        columns, in_x, share_x = _cells(x, radius, level.size(2))
        rows, in_y, share_y = _cells(y, radius, level.size(1))
        index = rows[:, None] * level.size(2) + columns[:, :, None]
        window = level.flatten(1).gather(1, index.flatten(1)).view_as(index)
        window = window * (in_x[:, :, None] & in_y[:, None])
        window = torch.lerp(window[:, :-1], window[:, 1:], share_x[..., None])
        window = torch.lerp(window[..., :-1], window[..., 1:], share_y[...,
                                                                       None])
        windows.append(window.flatten(1))
    return torch.cat(windows, dim=1)


def _cells(places: Tensor, radius: int,
           size: int) -> Tuple[Tensor, Tensor, Tensor]:
    """Indices along an axis, whether they exist, fraction ``(N, 1)``."""
    # whatever is far outside, NaN too, reads nothing but zeros
    places = places.nan_to_num(-2. * radius - 4)
    places = places.clamp(-2 * radius - 4, size + 2 * radius + 4)
    lower = places.floor()
    steps = torch.arange(-radius, radius + 2, device=places.device)
    cells = lower.long()[:, None] + steps
    exists = (cells >= 0) & (cells < size)
    return cells.clamp(0, size - 1), exists, (places - lower)[:, None]
