"""Drawing of masks, boxes and trails with numpy and OpenCV alone."""
from typing import Sequence, Union

import cv2
import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import as_rle

Masks = Union[Sequence[dict], np.ndarray, torch.Tensor, BitmapMasks,
              PolygonMasks]


def dense_masks(masks: Masks, height: int, width: int) -> np.ndarray:
    """Return the masks of one frame as an array.

    Args:
        masks (Sequence[dict] | np.ndarray | torch.Tensor | BitmapMasks |
            PolygonMasks): COCO RLE dicts or dense masks of one frame.
        height (int): Height of the frame, to check against.
        width (int): Width of the frame, to check against.

    Returns:
        np.ndarray: ``(n, h, w)`` uint8 of 0 and 1.

    Raises:
        ValueError: If the masks belong to a frame of another size.
    """
    if isinstance(masks, (BitmapMasks, PolygonMasks)):
        masks = masks.to_ndarray()
    elif isinstance(masks, torch.Tensor):
        masks = masks.cpu().numpy()
    elif not isinstance(masks, np.ndarray):
        masks = _decode(list(masks), height, width)
    if masks.shape[1:] != (height, width):
        raise ValueError(
            f'masks are of size {masks.shape[1]}x{masks.shape[2]} (h x w), '
            f'the frame is {height}x{width}: masks must be at the original '
            'resolution of the frame they are drawn on')
    # decoded RLEs are column-major, which makes all that follows slow
    return masks.astype(bool, order='C').view(np.uint8)


def _decode(rles: Sequence[dict], height: int, width: int) -> np.ndarray:
    if len(rles) == 0:
        return np.zeros((0, height, width), dtype=np.uint8)
    rles = [as_rle(rle, *rle['size']) for rle in rles]
    sizes = {tuple(rle['size']) for rle in rles}
    if len(sizes) > 1:
        raise ValueError(f'masks of one frame have different sizes: '
                         f'{sorted(sizes)} (h, w), expected one size')
    return mask_utils.decode(rles).transpose(2, 0, 1)


def resize_masks(masks: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize binary masks with smooth borders.

    Args:
        masks (np.ndarray): ``(n, h, w)`` uint8 of 0 and 1.
        height (int): New height.
        width (int): New width.

    Returns:
        np.ndarray: ``(n, height, width)`` uint8 of 0 and 1.
    """
    if masks.shape[1:] == (height, width):
        return masks
    out = np.empty((len(masks), height, width), dtype=np.uint8)
    shrinks = height < masks.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    for row, mask in enumerate(masks):
        resized = cv2.resize(mask * 255, (width, height), interpolation=how)
        np.greater(resized, 127, out=out[row].view(bool))
    return out


def mask_boxes(masks: np.ndarray) -> np.ndarray:
    """Return the tight boxes of masks.

    Args:
        masks (np.ndarray): ``(n, h, w)`` uint8 of 0 and 1.

    Returns:
        np.ndarray: ``(n, 4)`` float32 xyxy; zeros for an empty mask.
    """
    boxes = []
    for seen in (masks.any(axis=1), masks.any(axis=2)):  # columns, rows
        first = seen.argmax(axis=1)
        last = seen.shape[1] - seen[:, ::-1].argmax(axis=1)
        boxes.append(np.stack([first, last], axis=1) * seen.any(1)[:, None])
    (x, y) = boxes
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]],
                    axis=1).astype(np.float32)


def blend_masks(image: np.ndarray, masks: np.ndarray, colors: np.ndarray,
                alpha: float) -> np.ndarray:
    """Tint the masks; where masks overlap, the smallest one is on top.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB, left as it is.
        masks (np.ndarray): ``(n, h, w)`` uint8 of 0 and 1.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        alpha (float): Opacity of the tint in [0, 1].

    Returns:
        np.ndarray: ``(h, w, 3)`` uint8 RGB.
    """
    if len(masks) == 0:
        return image.copy()
    areas = np.array([cv2.countNonZero(mask) for mask in masks])
    tint = np.zeros_like(image)
    for row in np.argsort(-areas, kind='stable'):
        x, y, w, h = cv2.boundingRect(masks[row])
        window = slice(y, y + h), slice(x, x + w)
        tint[window][masks[row][window].view(bool)] = colors[row]
    tinted = cv2.addWeighted(image, 1 - alpha, tint, alpha, 0)
    return cv2.copyTo(tinted, masks.max(axis=0), image.copy())


def draw_contours(image: np.ndarray, masks: np.ndarray, colors: np.ndarray,
                  thickness: int) -> np.ndarray:
    """Draw the outlines of masks, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        masks (np.ndarray): ``(n, h, w)`` uint8 of 0 and 1.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        thickness (int): Width of the line in pixels.

    Returns:
        np.ndarray: The image.
    """
    for mask, color in zip(masks, colors.tolist()):
        lines, _ = cv2.findContours(mask, cv2.RETR_CCOMP,
                                    cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, lines, -1, color, thickness, cv2.LINE_AA)
    return image


def draw_boxes(image: np.ndarray, boxes: np.ndarray, colors: np.ndarray,
               thickness: int) -> np.ndarray:
    """Draw boxes, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        boxes (np.ndarray): ``(n, 4)`` xyxy in pixels of the image.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        thickness (int): Width of the line in pixels.

    Returns:
        np.ndarray: The image.
    """
    # far outside values would overflow the integer coordinates of OpenCV
    limit = 4 * max(image.shape)
    corners = np.clip(np.nan_to_num(boxes), -limit, limit).round()
    for (x1, y1, x2,
         y2), color in zip(corners.astype(int).tolist(), colors.tolist()):
        cv2.rectangle(image, (x1, y1), (x2, y2), color, thickness, cv2.LINE_AA)
    return image


def draw_trails(image: np.ndarray, trails: Sequence[np.ndarray],
                colors: np.ndarray, thickness: int) -> np.ndarray:
    """Draw the way of each track as a line that ends in a dot, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        trails (Sequence[np.ndarray]): Per track ``(k, 2)`` points (x, y) in
            pixels of the image, oldest first.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        thickness (int): Width of the line in pixels.

    Returns:
        np.ndarray: The image.
    """
    shift = 4  # coordinates in 1/16 pixel: the line does not jitter
    for points, color in zip(trails, colors.tolist()):
        points = np.round(points * (1 << shift)).astype(np.int32)
        head = points[-1].tolist()
        # dark rim below: the trail crosses the mask of its own colour
        for extra, ink in ((2, (0, 0, 0)), (0, color)):
            cv2.polylines(image, [points], False, ink, thickness + extra,
                          cv2.LINE_AA, shift)
            radius = (2 * thickness + 1 + extra) << (shift - 1)
            cv2.circle(image, head, radius, ink, -1, cv2.LINE_AA, shift)
    return image
