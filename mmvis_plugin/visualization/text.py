"""Small text on images: rendered once, cached, placed without overlap."""
from functools import lru_cache
from pathlib import Path
from typing import List, Sequence, Tuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .palette import text_colors

Rect = Tuple[int, int, int, int]


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    # ships with matplotlib, a requirement of mmengine: same glyphs everywhere
    path = Path(matplotlib.get_data_path()) / 'fonts/ttf/DejaVuSans-Bold.ttf'
    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=1024)
def text_mask(text: str, size: int) -> np.ndarray:
    """Render one line of text.

    Args:
        text (str): The line; line breaks become blanks.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: Coverage ``(h, w)`` uint8; ``h`` depends on ``size``
        alone, so that lines of one size align.
    """
    font = _font(size)
    text = ' '.join(text.split())
    ascent, descent = font.getmetrics()
    width = max(int(np.ceil(font.getlength(text))), 1)
    canvas = Image.new('L', (width, ascent + descent))
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=font)
    return np.asarray(canvas)


def text_size_for(height: int, width: int) -> int:
    """Return a font size in pixels that is readable on such a frame.

    Args:
        height (int): Height of the frame in pixels.
        width (int): Width of the frame in pixels.

    Returns:
        int: Between 11 (below it glyphs fall apart) and 40.
    """
    return int(np.clip(round(min(height, width) / 36), 11, 40))


def _blend(image: np.ndarray, rect: Rect, color: np.ndarray,
           opacity: np.ndarray) -> None:
    """Blend a colour into a rectangle of an image, in place."""
    x1, y1, x2, y2 = rect
    patch = image[y1:y2, x1:x2].astype(np.float32)
    opacity = opacity[:y2 - y1, :x2 - x1, None]
    image[y1:y2, x1:x2] = patch + (color - patch) * opacity + 0.5


def _overlaps(rect: Rect, taken: Sequence[Rect]) -> bool:
    return any(rect[0] < other[2] and other[0] < rect[2] and rect[1] < other[3]
               and other[1] < rect[3] for other in taken)


def _place(box: np.ndarray, chip: Tuple[int, int], frame: Tuple[int, int],
           taken: Sequence[Rect]) -> Rect:
    """Return the first free place for a chip: above the box, below it,
    inside its top, else further down in steps of the chip's height."""
    (chip_w, chip_h), (width, height) = chip, frame
    last_x, last_y = max(width - chip_w, 0), max(height - chip_h, 0)
    x = int(np.clip(box[0], 0, last_x))
    wanted = [box[1] - chip_h, box[3], box[1]]
    wanted += [box[1] + chip_h * step for step in range(1, 6)]
    rects = []
    for y in wanted:
        y = int(np.clip(y, 0, last_y))
        rects.append((x, y, min(x + chip_w, width), min(y + chip_h, height)))
    free = (rect for rect in rects if not _overlaps(rect, taken))
    return next(free, rects[0])


def draw_labels(image: np.ndarray, texts: Sequence[str], boxes: np.ndarray,
                colors: np.ndarray, size: int) -> np.ndarray:
    """Draw one label per box on a chip of its colour, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        texts (Sequence[str]): One line per box.
        boxes (np.ndarray): ``(n, 4)`` xyxy in pixels of the image.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: The image.
    """
    height, width = image.shape[:2]
    pad = max(size // 5, 2)
    taken: List[Rect] = []
    for text, box, color, ink in zip(texts, boxes, colors,
                                     text_colors(colors)):
        glyphs = text_mask(text, size)
        chip = (glyphs.shape[1] + 2 * pad, glyphs.shape[0])
        rect = _place(box, chip, (width, height), taken)
        taken.append(rect)
        _draw_chip(image, rect, glyphs, color, ink, pad)
    return image


def _draw_chip(image: np.ndarray, rect: Rect, glyphs: np.ndarray,
               color: np.ndarray, ink: np.ndarray, pad: int) -> None:
    """Draw a filled rectangle with text on it, in place."""
    x1, y1, x2, y2 = rect
    _blend(image, rect, color, np.full((y2 - y1, x2 - x1), 0.85, np.float32))
    inner = (min(x1 + pad, x2), y1, x2, y2)
    opacity = glyphs.astype(np.float32) / 255
    inner = (inner[0], y1, min(inner[0] + opacity.shape[1], x2), y2)
    _blend(image, inner, ink, opacity)


def draw_panel(image: np.ndarray, texts: Sequence[str], colors: np.ndarray,
               size: int) -> np.ndarray:
    """Draw a legend in the top right corner, in place.

    Lines that do not fit into the frame are left out and counted in the
    last line.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        texts (Sequence[str]): One line per entry.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB of the swatches.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: The image.
    """
    height, width = image.shape[:2]
    line_h = text_mask('|', size).shape[0]
    room = max((height - size) // line_h, 1)
    if len(texts) > room:
        hidden = len(texts) - room + 1
        texts = [*texts[:room - 1], f'+{hidden} more']
        colors = np.concatenate([colors[:room - 1], colors[:1] * 0])
    if not len(texts):
        return image
    lines = [text_mask(text, size) for text in texts]
    swatch, gap = line_h * 2 // 3, max(size // 3, 2)
    panel_w = max(line.shape[1] for line in lines) + swatch + 3 * gap
    panel_h = line_h * len(lines) + gap
    rect = (max(width - panel_w, 0), 0, width, min(panel_h, height))
    black, white = np.zeros(3), np.full(3, 255.)
    opacity = np.full((rect[3], width - rect[0]), 0.6, np.float32)
    _blend(image, rect, black, opacity)
    left = rect[0] + gap
    for row, (line, color) in enumerate(zip(lines, colors)):
        top = gap // 2 + row * line_h
        mid = top + (line_h - swatch) // 2
        cv2.rectangle(image, (left, mid), (left + swatch, mid + swatch),
                      color.tolist(), -1)
        x1 = min(left + swatch + gap, width)
        box = (x1, top, min(x1 + line.shape[1],
                            width), min(top + line_h, height))
        _blend(image, box, white, line.astype(np.float32) / 255)
    return image


def draw_caption(image: np.ndarray, text: str, size: int) -> np.ndarray:
    """Draw a line of text in the bottom left corner, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        text (str): The line.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: The image.
    """
    height, width = image.shape[:2]
    glyphs, pad = text_mask(text, size), max(size // 5, 2)
    rect = (0, max(height - glyphs.shape[0],
                   0), min(glyphs.shape[1] + 2 * pad, width), height)
    _draw_chip(image, rect, glyphs, np.zeros(3), np.full(3, 255.), pad)
    return image
