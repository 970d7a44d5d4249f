"""From mask logits of boxes to run-length codes of frames."""
from typing import List, Tuple

from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from torch import Tensor

from mmvis_plugin.structures import encode_crop, encode_masks

# bytes of sampling grids that pasting on a GPU may use at once, as in mmdet
_BYTES = 2**30


def paste_masks(logits: Tensor,
                boxes: Tensor,
                size: Tuple[int, int],
                threshold: float = 0.5) -> List[dict]:
    """Paste masks into a frame and encode them.

    Args:
        logits (Tensor): Mask logits of the boxes.
        boxes (Tensor): x1, y1, x2, y2 in pixels of the frame.
        size (tuple[int, int]): Height and width of the frame.
        threshold (float): Least probability of foreground. Defaults to 0.5.

    Returns:
        list[dict]: COCO run-length codes.

    Shape:
        - logits: ``(N, 1, h, w)``; boxes: ``(N, 4)``.
    """
    probs = logits.float().sigmoid()
    if probs.device.type != 'cpu':
        return _paste_frames(probs, boxes, size, threshold)
    # one at a time, only inside its box
    codes: List[dict] = []
    for prob, box in zip(probs, boxes):
        crop, (rows, columns) = _do_paste_mask(
            prob[None], box[None].float(), *size, skip_empty=True)
        codes.append(
            encode_crop((crop[0] >= threshold).numpy(), int(rows.start),
                        int(columns.start), *size))
    return codes


def _paste_frames(probs: Tensor, boxes: Tensor, size: Tuple[int, int],
                  threshold: float) -> List[dict]:
    chunk = max(_BYTES // (size[0] * size[1] * 8), 1)
    codes: List[dict] = []
    for start in range(0, len(probs), chunk):
        rows = slice(start, start + chunk)
        masks, _ = _do_paste_mask(
            probs[rows], boxes[rows].float(), *size, skip_empty=False)
        codes += encode_masks(masks >= threshold)
    return codes
