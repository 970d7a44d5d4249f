"""Masks of instances, cut out of an id map and brought to one size."""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_boxes(id_map: Tensor, m: int) -> Tensor:
    """Tight boxes of all instances of a frame.

    Args:
        id_map (Tensor): Local ids, 0 for no instance, else 1 to ``m``.
        m (int): Instances.

    Returns:
        Tensor: int64, first column, first row, last column + 1 and last row
        + 1; zeros for an id that is not in the map.

    Shape:
        - id_map: ``(H, W)``; output: ``(m, 4)``.
    """
    rows, columns = id_map.nonzero(as_tuple=True)
    index = id_map[rows, columns].long() - 1
    limit = max(id_map.shape)
    low = torch.full((m, 2), limit, device=id_map.device)
    high = torch.zeros_like(low)
    places = torch.stack([columns, rows], dim=1)
    index = index[:, None].expand(-1, 2)
    low.scatter_reduce_(0, index, places, 'amin')
    high.scatter_reduce_(0, index, places + 1, 'amax')
    return torch.cat([low.minimum(high), high], dim=1)


@torch.no_grad()
def mask_rois(id_map: Tensor,
              m: int,
              canvas_size: Tuple[int, int] = (256, 512),
              out_size: Tuple[int, int] = (28, 56),
              chunk_size: int = 16,
              content: Optional[Tensor] = None) -> Tensor:
    r"""Masks of all instances as images of one size.

    A mask is enlarged or reduced by one factor for both axes until its box
    fills the canvas, upper left, in one of them; the rest is zero. Sample
    :math:`u` of the canvas reads the mask bilinearly at column
    :math:`x_0 + (u + \frac12) / s - \frac12`, rows likewise. Adaptive
    average pooling then brings the canvas to ``out_size``.

    Both steps are linear and act on each axis by itself: a RoI is the
    product of the mask in its box with a matrix from each side, and no
    canvas is ever made. Instances of similar size go through together.

    Source: HybridTracker, instance tracker. Differs from the paper: it gives
    the canvas; the pooled size is the one that explains the published size
    of the model.

    Args:
        id_map (Tensor): Local ids, 0 for no instance, else 1 to ``m``.
        m (int): Instances.
        canvas_size (tuple[int, int]): Height and width of the canvas.
            Defaults to (256, 512).
        out_size (tuple[int, int]): Height and width of the result.
            Defaults to (28, 56).
        chunk_size (int): Instances per step; bounds the memory.
            Defaults to 16.
        content (Tensor, optional): A map that is cut out in the place of
            ones. Defaults to None.

    Returns:
        Tensor: float32; in [0, 1] without ``content``; zeros for an id that
        is not in the map. No gradient.

    Shape:
        - id_map: ``(H, W)``; content: ``(C, H, W)``.
        - output: ``(m, C, *out_size)``; C is 1 without ``content``.
    """
    boxes = mask_boxes(id_map, m)
    sizes = boxes[:, 2:] - boxes[:, :2]
    channels = 1 if content is None else len(content)
    rois = torch.zeros((m, channels, *out_size), device=id_map.device)
    order = sizes.prod(dim=1).argsort(descending=True)
    present = int((sizes[:, 0] > 0).sum())
    # an empty tensor would be split into one empty part
    for chosen in order[:present].split(chunk_size) if present else ():
        rois[chosen] = _cut_out(id_map, content, chosen, boxes[chosen],
                                canvas_size, out_size)
    return rois


def _cut_out(id_map: Tensor, content: Optional[Tensor], chosen: Tensor,
             boxes: Tensor, canvas_size: Tuple[int, int],
             out_size: Tuple[int, int]) -> Tensor:
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    scale = torch.minimum(canvas_size[0] / height.double(),
                          canvas_size[1] / width.double())
    rows, to_rows = _axis(boxes[:, 1], height, scale, canvas_size[0],
                          out_size[0])
    columns, to_columns = _axis(boxes[:, 0], width, scale, canvas_size[1],
                                out_size[1])
    rows = rows.clamp(max=id_map.size(0) - 1)
    columns = columns.clamp(max=id_map.size(1) - 1)
    places = rows[:, :, None], columns[:, None]
    inside = id_map[places] == chosen[:, None, None] + 1
    values = inside[None].float()
    if content is not None:
        values = values * content[(slice(None), *places)].float()
    with torch.autocast(values.device.type, enabled=False):
        cut = to_rows @ values @ to_columns.transpose(1, 2)
    return cut.transpose(0, 1)


def _axis(start: Tensor, length: Tensor, scale: Tensor, canvas: int,
          out: int) -> Tuple[Tensor, Tensor]:
    """Return the cells ``(c, L)`` of an axis and their weights ``(c, o, L)``.

    ``L`` is the longest of the lengths; cells past the own length of a box
    weigh nothing.
    """
    cells = torch.arange(int(length.max()), device=start.device)
    places = torch.arange(canvas, device=start.device) + 0.5
    places = places / scale[:, None] - 0.5  # (c, canvas)
    distance = (places[:, None] - cells[:, None]).float().abs()
    weights = (1 - distance).clamp(min=0)  # (c, L, canvas)
    weights = weights * (cells < length[:, None])[..., None]
    weights = F.adaptive_avg_pool1d(weights, out)
    return start[:, None] + cells, weights.transpose(1, 2)
