"""Stuff: a far and a near plane that a panning camera looks at."""
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from .synth_cfg import STUFF, SynthCfg
from .textures import paint_stuff

NUM_FAR_KINDS = 3
VOID = 255

_VOID_COLOR = (24., 22., 26.)


@dataclass(frozen=True, eq=False)
class Background:
    """Labels and colours of both planes and the camera offset.

    Args:
        far_labels (np.ndarray): Index into ``STUFF``, uint8.
        far_colors (np.ndarray): RGB, float32.
        near_labels (np.ndarray): Index into ``STUFF`` or 255, uint8.
        near_colors (np.ndarray): RGB, float32.
        horizon (np.ndarray): A pixel row y of column x is near where
            y + 0.5 >= horizon[x], float64.
        offsets (np.ndarray): Camera offset per frame in pixels, int64,
            least 0; the far plane moves by half of it, rounded down.

    Shape:
        far_labels: (H, Wf); near_labels: (H, Wn); horizon: (Wn, );
        colours: with a last axis of 3; offsets: (T, ).
    """

    far_labels: np.ndarray
    far_colors: np.ndarray
    near_labels: np.ndarray
    near_colors: np.ndarray
    horizon: np.ndarray
    offsets: np.ndarray

    def labels(self, frame: int, width: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return what the camera sees in a frame without any object.

        Args:
            frame (int): Position in the video.
            width (int): Image width.

        Returns:
            Tuple[np.ndarray, np.ndarray]: Labels (H, W) uint8 and whether a
            pixel is near (H, W) bool.
        """
        far, near = self._windows(frame, width)
        rows = np.arange(len(self.near_labels))[:, None] + 0.5
        is_near = rows >= self.horizon[None, near]
        labels = np.where(is_near, self.near_labels[:, near],
                          self.far_labels[:, far])
        return labels, is_near

    def colors(self, frame: int, is_near: np.ndarray) -> np.ndarray:
        """Return the colours that belong to :meth:`labels`.

        Args:
            frame (int): Position in the video.
            is_near (np.ndarray): Second result of :meth:`labels`.

        Returns:
            np.ndarray: RGB (H, W, 3), float32.
        """
        far, near = self._windows(frame, is_near.shape[1])
        return np.where(is_near[..., None], self.near_colors[:, near],
                        self.far_colors[:, far])

    def _windows(self, frame: int, width: int) -> Tuple[slice, slice]:
        offset = int(self.offsets[frame])
        return (slice(offset // 2,
                      offset // 2 + width), slice(offset, offset + width))


def camera_offsets(rng: np.random.Generator, cfg: SynthCfg) -> np.ndarray:
    """Draw the camera path: a pan and a small sway, whole pixels.

    Args:
        rng (np.random.Generator): Source of all draws.
        cfg (SynthCfg): The knobs.

    Returns:
        np.ndarray: int64, least value 0.

    Shape:
        Output: (T, ).
    """
    frames = np.arange(cfg.num_frames)
    speed = cfg.pan * (2 * rng.random() - 1)
    sway, period, phase = rng.random(3)
    path = speed * frames + min(cfg.pan, 1.) * 1.5 * sway * np.sin(
        2 * np.pi * (frames / (8 + 8 * period) + phase))
    path = np.floor(path + 0.5).astype(np.int64)
    return path - path.min()


def build_background(layout: np.random.Generator, texture: np.random.Generator,
                     offsets: np.ndarray, cfg: SynthCfg) -> Background:
    """Draw both planes of a video.

    Args:
        layout (np.random.Generator): Source of the bands and void blobs.
        texture (np.random.Generator): Source of the colours.
        offsets (np.ndarray): Camera path (T, ).
        cfg (SynthCfg): The knobs.

    Returns:
        Background: The planes.
    """
    width = cfg.width + int(offsets.max())
    num_far = min(NUM_FAR_KINDS, (cfg.stuff + 1) // 2)
    far_kinds = _draw_kinds(layout, range(1, NUM_FAR_KINDS), num_far - 1)
    near_kinds = _draw_kinds(layout, range(NUM_FAR_KINDS, len(STUFF)),
                             cfg.stuff - num_far)
    level = 0.32 + 0.22 * layout.random()
    horizon = _curve(layout, width, level * cfg.height, cfg.height)
    if not near_kinds:
        horizon = np.full(width, cfg.height + 1.)
    far_labels = _bands(layout, [0] + far_kinds, cfg.height,
                        cfg.width + int(offsets.max()) // 2, 0., level)
    near_labels = _bands(layout, near_kinds or [0], cfg.height, width, level,
                         1.)
    far_colors = _paint(texture, far_labels)
    near_colors = _paint(texture, near_labels)
    if cfg.void == 'blobs':
        hidden = _blobs(layout, cfg.height, width)
        near_labels[hidden] = VOID
        near_colors[hidden] = _VOID_COLOR
    return Background(far_labels, far_colors, near_labels, near_colors,
                      horizon, offsets)


def _draw_kinds(rng: np.random.Generator, kinds: range, num: int) -> List[int]:
    """Draw different kinds; sorting by a key is stable over versions."""
    order = np.argsort(rng.random(len(kinds)), kind='stable')
    return [kinds[i] for i in order[:num]]


def _curve(rng: np.random.Generator, width: int, level: float,
           height: int) -> np.ndarray:
    """Return a smooth border line around ``level``, float64 (width, )."""
    x = np.arange(width) + 0.5
    phases, sizes = rng.random(3), rng.random(3)
    waves = [
        size * np.sin(2 * np.pi * (x / (height * length) + phase))
        for size, phase, length in zip(sizes, phases, (2.5, 1.1, 0.6))
    ]
    return level + 0.03 * height * sum(waves)


def _bands(rng: np.random.Generator, kinds: List[int], height: int, width: int,
           top: float, bottom: float) -> np.ndarray:
    """Stack bands of stuff from ``top`` to ``bottom`` (share of height)."""
    share = np.linspace(top, bottom, len(kinds) + 1)[1:-1]
    borders = [_curve(rng, width, level * height, height) for level in share]
    rows = np.arange(height)[:, None] + 0.5
    position = np.zeros((height, width), dtype=np.int64)
    for border in borders:
        position += rows >= border[None]
    return np.array(kinds, dtype=np.uint8)[position]


def _paint(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    colors = np.zeros(labels.shape + (3, ), dtype=np.float32)
    for kind in np.flatnonzero(np.bincount(labels.ravel())):
        plane = paint_stuff(rng, STUFF[kind], *labels.shape)
        inside = labels == kind
        colors[inside] = plane[inside]
    return colors


def _blobs(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw 2 to 4 flat ellipses in the lower half."""
    rows, cols = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), dtype=bool)
    for _ in range(2 + int(3 * rng.random())):
        x, y, size, flat = rng.random(4)
        radius = (0.05 + 0.05 * size) * height
        dx = (cols - x * width) / radius
        dy = (rows - (0.6 + 0.4 * y) * height) / (radius * (0.4 + 0.4 * flat))
        inside |= dx * dx + dy * dy <= 1
    return inside
