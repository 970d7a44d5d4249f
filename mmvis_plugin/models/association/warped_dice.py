"""Overlap of moved instances with those of the next frame."""
from typing import NamedTuple, Tuple

import torch
from torch import Tensor

from .check_pair import check_pair

ROUNDINGS = ('half_up', 'trunc')
COLLISIONS = ('set', 'last')


class WarpedDice(NamedTuple):
    """Overlap of every pair of instances.

    Attributes:
        dice (Tensor): ``(m, n)`` float64, in [0, 1].
        inter (Tensor): ``(m, n)`` int64, common pixels.
        area_warp (Tensor): ``(m, )`` int64, pixels of the moved instances.
        area_cur (Tensor): ``(n, )`` int64, pixels of the later ones.
    """
    dice: Tensor
    inter: Tensor
    area_warp: Tensor
    area_cur: Tensor


def warped_dice(id_prev: Tensor,
                id_cur: Tensor,
                flow: Tensor,
                m: int,
                n: int,
                rounding: str = 'half_up',
                collision: str = 'set') -> WarpedDice:
    r"""Move the instances of a frame by flow and compare with the next.

    A pixel :math:`(x, y)` of instance :math:`i` lands on
    :math:`(\lfloor x + dx + \frac12 \rfloor, \lfloor y + dy + \frac12
    \rfloor)`. :math:`W_i` is the set of the pixels that instance :math:`i`
    lands on; two instances may land on the same one. With the pixels
    :math:`G_j` of the later instances,

    .. math:: S_{ij} = \frac{2 |W_i \cap G_j|}{|W_i| + |G_j|},

    0 if both are empty. Pixels that leave the frame or whose flow is not
    finite land nowhere.

    One histogram over pairs of ids replaces masks of instances: time grows
    with the number of pixels and not with that of instances. All sums are of
    integers, so the result is the same on every device and in every run.

    Source: HybridTracker, Eq. 7, for binary masks. The paper leaves open how
    end points are rounded and what happens where two pixels meet.

    Args:
        id_prev (Tensor): Local ids of the earlier frame: 0 for no instance,
            else 1 to ``m``. Integers.
        id_cur (Tensor): Local ids of the later frame, 0 to ``n``.
        flow (Tensor): From the earlier to the later frame in pixels: dx to
            the right, then dy down.
        m (int): Instances of the earlier frame.
        n (int): Instances of the later frame.
        rounding (str): 'half_up' as above, or 'trunc' towards zero without
            the half. Defaults to 'half_up'.
        collision (str): 'set' as above, or 'last': only the last pixel in
            the order of rows keeps the place where it lands.
            Defaults to 'set'.

    Returns:
        WarpedDice: Overlaps and areas.

    Raises:
        ValueError: For maps of different size, ids above ``m`` or ``n`` and
            unknown options.

    Shape:
        - id_prev, id_cur: ``(H, W)``; flow: ``(2, H, W)``.
    """
    id_prev, id_cur, flow = (
        torch.as_tensor(x) for x in (id_prev, id_cur, flow))
    m, n = int(m), int(n)
    check_pair(id_prev, id_cur, flow, m, n, finite=False)
    _check_option('rounding', rounding, ROUNDINGS)
    _check_option('collision', collision, COLLISIONS)
    ids = id_cur.flatten().long()
    area_cur = ids.bincount(minlength=n + 1)[1:]
    rows, places = _landed(id_prev, flow, rounding, collision)
    hist = (rows * (n + 1) + ids[places]).bincount(minlength=m * (n + 1))
    hist = hist.view(m, n + 1)
    area_warp, inter = hist.sum(1), hist[:, 1:]
    total = area_warp[:, None] + area_cur
    dice = 2 * inter.double() / total.clamp(min=1)
    return WarpedDice(dice, inter, area_warp, area_cur)


def _check_option(name: str, value: str, known: Tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'{name}={value!r}, expected one of {known}')


def _landed(id_prev: Tensor, flow: Tensor, rounding: str,
            collision: str) -> Tuple[Tensor, Tensor]:
    """Return index of the instance and place of every landed pixel."""
    height, width = id_prev.shape
    sources = id_prev.flatten().nonzero()[:, 0]
    dx, dy = flow.reshape(2, -1)[:, sources].double()
    x, y = dx + sources % width, dy + sources // width
    if rounding == 'half_up':
        x, y = (x + 0.5).floor(), (y + 0.5).floor()
    else:
        x, y = x.trunc(), y.trunc()
    # false for NaN as well
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    sources = sources[inside]
    rows = id_prev.flatten()[sources].long() - 1
    places = (y[inside] * width + x[inside]).long()
    if collision == 'last':
        last = sources.new_zeros(height * width)
        last.scatter_reduce_(0, places, sources, 'amax')
        kept = last[places] == sources
        return rows[kept], places[kept]
    return _without_double_hits(rows, places, height * width)


def _without_double_hits(rows: Tensor, places: Tensor,
                         num_places: int) -> Tuple[Tensor, Tensor]:
    keys = rows * num_places + places
    if keys.numel() and int(keys.max()) < 2**31:
        keys = keys.int()  # sorts in a third of the time
    keys = keys.unique().long()
    return keys // num_places, keys % num_places
