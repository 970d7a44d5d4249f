"""Whether two id maps and the flow between them belong together."""
from torch import Tensor


def check_pair(id_prev: Tensor,
               id_cur: Tensor,
               flow: Tensor,
               m: int,
               n: int,
               frame: str = '',
               finite: bool = True) -> None:
    """Raise if the maps of a pair of frames cannot be compared.

    Args:
        id_prev (Tensor): ``(H, W)``, local ids of the earlier frame.
        id_cur (Tensor): ``(H, W)``, local ids of the later frame.
        flow (Tensor): ``(2, H, W)`` in pixels.
        m (int): Segments of the earlier frame.
        n (int): Segments of the later frame.
        frame (str): Names the later frame in the message. Defaults to ''.
        finite (bool): Whether NaN and infinite flow is an error.
            Defaults to True.

    Raises:
        ValueError: With one line that names frame and cause.
    """
    where = f'{frame}: ' if frame else ''
    if id_prev.dim() != 2 or id_prev.shape != id_cur.shape:
        raise ValueError(
            f'{where}id maps of a pair are {tuple(id_prev.shape)} and '
            f'{tuple(id_cur.shape)}, expected two of one size (H, W); resize '
            'the frames of a video to the same size')
    if flow.shape != (2, *id_prev.shape):
        raise ValueError(
            f'{where}flow is {tuple(flow.shape)}, expected '
            f'{(2, *id_prev.shape)}: dx and dy of every pixel of the frame')
    for name, ids, limit in (('earlier', id_prev, m), ('later', id_cur, n)):
        if ids.numel() == 0:
            continue
        low, high = (int(end) for end in ids.aminmax())
        if low < 0 or high > limit:
            raise ValueError(
                f'{where}id map of the {name} frame holds ids {low} to '
                f'{high}, its list has {limit} segments; expected ids 0 '
                f'(nothing) to {limit}')
    if finite and not flow.isfinite().all():
        num_bad = int((~flow.isfinite()).any(0).sum())
        raise ValueError(
            f'{where}flow is NaN or infinite at {num_bad} of '
            f'{id_prev.numel()} pixels; check the weights and the input of '
            'the flow network')
