"""Centres of things that the position head should find."""
from typing import NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

CENTERS = ('mass', 'box')


class ThingTargets(NamedTuple):
    """What a level should find.

    Attributes:
        heat (Tensor): ``(B, num_things, h, w)`` in [0, 1].
        assigned (Tensor): ``(A, )`` int64, rows of the instances that belong
            to the level.
    """
    heat: Tensor
    assigned: Tensor


def thing_targets(masks: Tensor,
                  boxes: Tensor,
                  labels: Tensor,
                  images: Tensor,
                  num_images: int,
                  num_things: int,
                  level_sizes: Sequence[Tuple[int, int]],
                  scales: Sequence[Tuple[float, float]],
                  center: str = 'mass',
                  overlap: float = 0.7) -> Tuple[ThingTargets, ...]:
    r"""Heat maps of centres for every level of a pyramid.

    An instance belongs to every level whose closed range contains the root
    of the area of its box; ranges overlap on purpose. The heat is
    :math:`\exp(-(\Delta x^2 + \Delta y^2) / 2 \sigma^2)` inside a square of
    :func:`center_radius` around the centre, :math:`\sigma = (2 r + 1) / 3`,
    and the maximum over instances of a class.

    Source: PanopticFCN, section 3.2.1 and its published code.

    Args:
        masks (Tensor): Soft masks on the canvas of stride 4.
        boxes (Tensor): x1, y1, x2, y2 in input pixels.
        labels (Tensor): Classes of things.
        images (Tensor): The image of each instance.
        num_images (int): Images.
        num_things (int): Classes of things.
        level_sizes (Sequence[tuple[int, int]]): Height and width of the
            levels.
        scales (Sequence[tuple[float, float]]): Range of each level in
            pixels.
        center (str): 'mass': mean place of the cells that are not zero;
            'box': centre of the box. Defaults to 'mass'.
        overlap (float): Of a box whose corners are moved by the radius.
            Defaults to 0.7.

    Returns:
        tuple[ThingTargets]: One per level.

    Shape:
        - masks: ``(n, h, w)``; boxes: ``(n, 4)``; labels, images: ``(n, )``.
    """
    canvas = masks.shape[-2:]
    sides = (boxes[:, 2:] - boxes[:, :2]).double()
    extent = sides.prod(dim=1).sqrt()
    places = _mass_centers(masks) if center == 'mass' else (
        (boxes[:, :2] + boxes[:, 2:]).double() / 8)
    targets = []
    for (height, width), (low, high) in zip(level_sizes, scales):
        chosen = ((extent >= low) & (extent <= high)).nonzero()[:, 0]
        ratio = places.new_tensor([width / canvas[1], height / canvas[0]])
        heat = _heat((places[chosen] * ratio).long(),
                     center_radius(sides[chosen] * ratio / 4, overlap),
                     (height, width))
        maps = heat.new_zeros((num_images * num_things, height, width))
        index = images[chosen] * num_things + labels[chosen]
        maps.scatter_reduce_(0, index[:, None, None].expand_as(heat), heat,
                             'amax')
        maps = maps.unflatten(0, (num_images, num_things))
        targets.append(ThingTargets(maps, chosen))
    return tuple(targets)


def center_radius(sides: Tensor, overlap: float = 0.7) -> Tensor:
    r"""Radius around a centre that counts as nearly right.

    .. math:: r = \lfloor\max(0, -o (w + h) +
        \sqrt{o^2 (w + h)^2 + 4 o (1 - o) w h})\rfloor

    Differs from CornerNet, whose three cases divide by other terms: this is
    the smallest of the three cases as the published code of PanopticFCN
    computes them, and smaller than mmdet's.

    Args:
        sides (Tensor): Width and height in cells.
        overlap (float): :math:`o`. Defaults to 0.7.

    Returns:
        Tensor: Cells, whole numbers.

    Shape:
        - sides: ``(n, 2)``; output: ``(n, )``.
    """
    half, area = overlap * sides.sum(dim=1), sides.prod(dim=1)
    root = (half**2 + 4 * overlap * (1 - overlap) * area).sqrt()
    return (root - half).clamp(min=0).floor()


def _mass_centers(masks: Tensor) -> Tensor:
    """Mean column and row ``(n, 2)`` of the cells that are not zero."""
    filled = masks > 0
    counts = filled.sum(dim=(1, 2)).double()
    centers = []
    for axis in (1, 2):  # the axis that is summed out
        per_place = filled.sum(dim=axis).double()
        steps = torch.arange(per_place.size(1), device=masks.device)
        centers.append((per_place * steps).sum(dim=1) / counts)
    return torch.stack(centers, dim=1)


def _heat(centers: Tensor, radius: Tensor, size: Tuple[int, int]) -> Tensor:
    rows, columns = (
        torch.arange(side, device=centers.device) for side in size)
    dx = (columns - centers[:, :1])[:, None]  # (n, 1, w)
    dy = (rows - centers[:, 1:])[:, :, None]  # (n, h, 1)
    radius = radius[:, None, None]
    sigma = (2 * radius + 1) / 3
    heat = torch.exp(-(dx**2 + dy**2) / (2 * sigma**2))
    near = (dx.abs() <= radius) & (dy.abs() <= radius)
    return (heat * near).float()
