"""From mask logits of boxes to run-length codes of frames."""
from typing import List, Tuple

from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from torch import Tensor

from mmvis_plugin.structures import encode_masks

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
    height, width = size
    on_cpu = logits.device.type == 'cpu'
    # one at a time, only inside its box, is fastest on a CPU
    chunk = 1 if on_cpu else max(_BYTES // (height * width * 8), 1)
    codes: List[dict] = []
    for start in range(0, len(logits), chunk):
        rows = slice(start, start + chunk)
        probs, place = _do_paste_mask(
            logits[rows].float().sigmoid(),
            boxes[rows].float(),
            height,
            width,
            skip_empty=on_cpu)
        masks = probs >= threshold
        if place:
            full = masks.new_zeros((len(masks), height, width))
            full[(slice(None), ) + place] = masks
            masks = full
        codes += encode_masks(masks)
    return codes
