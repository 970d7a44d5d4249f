"""Small text on images: rendered once, cached, placed without overlap."""
from functools import lru_cache
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .label_layout import Rect, leader, place_at, place_inside, place_near
from .palette import text_colors


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


def draw_labels(image: np.ndarray,
                texts: Sequence[str],
                boxes: np.ndarray,
                colors: np.ndarray,
                size: int,
                taken: Optional[List[Rect]] = None,
                short: Optional[Sequence[str]] = None) -> np.ndarray:
    """Draw one label per box on a chip of its colour, in place.

    No label covers another one. Where there is no place at the box, the
    short text goes there, else to the nearest free place with a line to the
    box; where the frame is full, the label is left out.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        texts (Sequence[str]): One line per box.
        boxes (np.ndarray): ``(n, 4)`` xyxy in pixels of the image.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        size (int): Font size in pixels.
        taken (list[tuple], optional): Rectangles xyxy to keep free; those of
            the labels are added. Defaults to None.
        short (Sequence[str], optional): One shorter line per box. Defaults
            to None.

    Returns:
        np.ndarray: The image.
    """
    frame = image.shape[1], image.shape[0]
    taken = [] if taken is None else taken
    chips = []
    for row, box in enumerate(np.asarray(boxes)):
        lines = [texts[row]] if short is None else [texts[row], short[row]]
        tries = [(place_at, line) for line in lines]
        tries.append((place_near, lines[-1]))
        for find, line in tries:
            rect = find(box, chip_size(line, size), frame, taken)
            if rect is not None:
                taken.append(rect)
                chips.append((row, rect, line))
                break
    # lines first: no line crosses a text
    for row, rect, _ in chips:
        line = leader(rect, boxes[row])
        if line is not None:
            cv2.line(image, *line, colors[row].tolist(), 1, cv2.LINE_AA)
    inks = text_colors(np.asarray(colors))
    for row, rect, line in chips:
        _draw_chip(image, rect, line, colors[row], inks[row], size)
    return image


def draw_names(image: np.ndarray, texts: Sequence[str],
               regions: Sequence[np.ndarray], colors: np.ndarray, size: int,
               taken: List[Rect]) -> np.ndarray:
    """Draw the name of each region deep inside of it, in place.

    A name that finds no free place in its region, or is larger than the
    region, is left out: elsewhere it would name something else.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        texts (Sequence[str]): One line per region.
        regions (Sequence[np.ndarray]): Masks of 0 and 1, of the size of the
            image or smaller by a common factor.
        colors (np.ndarray): ``(n, 3)`` uint8 RGB.
        size (int): Font size in pixels.
        taken (list[tuple]): Rectangles xyxy to keep free; those of the names
            are added.

    Returns:
        np.ndarray: The image.

    Shape:
        regions: (h', w') uint8 each.
    """
    frame = image.shape[1], image.shape[0]
    for text, region, color, ink in zip(texts, regions, colors,
                                        text_colors(np.asarray(colors))):
        rect = place_inside(region, chip_size(text, size), frame, taken)
        if rect is not None:
            taken.append(rect)
            _draw_chip(image, rect, text, color, ink, size)
    return image


def chip_size(text: str, size: int) -> Tuple[int, int]:
    """Return width and height of a line of text on its chip.

    Args:
        text (str): The line.
        size (int): Font size in pixels.
    """
    glyphs = text_mask(text, size)
    return glyphs.shape[1] + 2 * _pad(size), glyphs.shape[0]


def _pad(size: int) -> int:
    return max(size // 5, 2)


def _draw_chip(image: np.ndarray, rect: Rect, line: str, color: np.ndarray,
               ink: np.ndarray, size: int) -> None:
    """Draw a filled rectangle with text on it, in place."""
    x1, y1, x2, y2 = rect
    _blend(image, rect, color, np.full((y2 - y1, x2 - x1), 0.85, np.float32))
    opacity = text_mask(line, size).astype(np.float32) / 255
    left = min(x1 + _pad(size), x2)
    inner = (left, y1, min(left + opacity.shape[1], x2), y2)
    _blend(image, inner, ink, opacity)


def panel_rect(image: np.ndarray, texts: Sequence[str], size: int) -> Rect:
    """Return where :func:`draw_panel` writes.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        texts (Sequence[str]): One line per entry.
        size (int): Font size in pixels.

    Returns:
        tuple[int, int, int, int]: x1, y1, x2, y2; empty without entries.
    """
    height, width = image.shape[:2]
    lines = _fitting(texts, height, size)
    line_h, swatch, gap = _panel_sizes(size)
    inner = max((text_mask(line, size).shape[1] for line in lines), default=0)
    panel_w = inner + swatch + 3 * gap if lines else 0
    panel_h = line_h * len(lines) + gap if lines else 0
    return max(width - panel_w, 0), 0, width, min(panel_h, height)


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
    rect = panel_rect(image, texts, size)
    lines = _fitting(texts, height, size)
    if len(lines) < len(texts):
        colors = np.concatenate([colors[:len(lines) - 1], colors[:1] * 0])
    line_h, swatch, gap = _panel_sizes(size)
    opacity = np.full((rect[3], width - rect[0]), 0.6, np.float32)
    _blend(image, rect, np.zeros(3), opacity)
    left = rect[0] + gap
    for row, (line, color) in enumerate(zip(lines, colors)):
        top = gap // 2 + row * line_h
        mid = top + (line_h - swatch) // 2
        cv2.rectangle(image, (left, mid), (left + swatch, mid + swatch),
                      color.tolist(), -1)
        x1 = min(left + swatch + gap, width)
        glyphs = text_mask(line, size)
        box = (x1, top, min(x1 + glyphs.shape[1],
                            width), min(top + line_h, height))
        _blend(image, box, np.full(3, 255.), glyphs.astype(np.float32) / 255)
    return image


def _panel_sizes(size: int) -> Tuple[int, int, int]:
    """Return the height of a line, the side of a swatch and the gap."""
    line_h = text_mask('|', size).shape[0]
    return line_h, line_h * 2 // 3, max(size // 3, 2)


def _fitting(texts: Sequence[str], height: int, size: int) -> List[str]:
    """Return the lines of a legend that fit into the frame."""
    room = max((height - size) // _panel_sizes(size)[0], 1)
    if len(texts) <= room:
        return list(texts)
    return [*texts[:room - 1], f'+{len(texts) - room + 1} more']


def caption_rect(image: np.ndarray, text: str, size: int) -> Rect:
    """Return where :func:`draw_caption` writes.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        text (str): The line.
        size (int): Font size in pixels.

    Returns:
        tuple[int, int, int, int]: x1, y1, x2, y2.
    """
    height, width = image.shape[:2]
    chip_w, chip_h = chip_size(text, size)
    return 0, max(height - chip_h, 0), min(chip_w, width), height


def draw_caption(image: np.ndarray, text: str, size: int) -> np.ndarray:
    """Draw a line of text in the bottom left corner, in place.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        text (str): The line.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: The image.
    """
    rect = caption_rect(image, text, size)
    _draw_chip(image, rect, text, np.zeros(3), np.full(3, 255.), size)
    return image


def with_title(image: np.ndarray, text: str, size: int) -> np.ndarray:
    """Return an image with a line of black text on white above it.

    Args:
        image (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        text (str): The line; its end is left out if it is too wide.
        size (int): Font size in pixels.

    Returns:
        np.ndarray: ``(h + height of the line, w, 3)`` uint8 RGB.
    """
    width, line = image.shape[1], text
    while text and chip_size(line, size)[0] > width:
        text = text[:-1]
        line = f'{text}\N{HORIZONTAL ELLIPSIS}'
    glyphs = text_mask(line, size)[:, :width]
    bar = np.full((len(glyphs), width, 3), 255, np.uint8)
    left = min(_pad(size), width - glyphs.shape[1])
    bar[:, left:left + glyphs.shape[1]] -= glyphs[..., None]
    return np.concatenate([bar, image])
