"""Surface patterns of objects and stuff."""
import colorsys
from dataclasses import dataclass, replace
from typing import Dict, Tuple

import numpy as np

TEXTURES = ('plain', 'stripes', 'dots', 'checks', 'noise')

_LATTICE = 9
_LATTICE_REACH = 2.0


@dataclass(frozen=True, eq=False)
class Texture:
    """How an object looks.

    Args:
        kind (str): One of ``TEXTURES``.
        hsv (Tuple[float, float, float]): Main colour, each in [0, 1].
        contrast (float): Factor on the brightness of the second colour.
        frequency (float): Pattern cells per radius.
        lattice (np.ndarray): Noise values in [0, 1].

    Shape:
        lattice: (9, 9).
    """

    kind: str
    hsv: Tuple[float, float, float]
    contrast: float
    frequency: float
    lattice: np.ndarray

    def with_hue_shift(self, shift: float) -> 'Texture':
        """Return the same pattern with another hue."""
        hue, saturation, value = self.hsv
        return replace(self, hsv=((hue + shift) % 1, saturation, value))

    def colors(self) -> np.ndarray:
        """Return both colours as RGB in [0, 255], shape (2, 3)."""
        hue, saturation, value = self.hsv
        second = (hue, saturation * 0.8, value * self.contrast)
        if self.contrast > 1:
            second = (hue, saturation * 0.25, 1.)
        return 255 * np.array(
            [colorsys.hsv_to_rgb(*self.hsv),
             colorsys.hsv_to_rgb(*second)])


def draw_texture(rng: np.random.Generator) -> Texture:
    """Draw the look of an object.

    Args:
        rng (np.random.Generator): Source of all draws.

    Returns:
        Texture: The look.
    """
    kind = TEXTURES[int(rng.random() * len(TEXTURES))]
    hue, saturation, value = rng.random(3)
    contrast = 1.5 if rng.random() < 0.4 else 0.35
    return Texture(
        kind=kind,
        hsv=(float(hue), 0.65 + 0.35 * float(saturation),
             0.7 + 0.3 * float(value)),
        contrast=contrast,
        frequency=1.2 + 0.8 * float(rng.random()),
        lattice=rng.random((_LATTICE, _LATTICE)))


def paint_texture(texture: Texture, u: np.ndarray,
                  v: np.ndarray) -> np.ndarray:
    """Return the colours of local points of an object.

    Args:
        texture (Texture): The look.
        u (np.ndarray): First local coordinate.
        v (np.ndarray): Second local coordinate.

    Returns:
        np.ndarray: RGB in [0, 255].

    Shape:
        u, v: (N, ). Output: (N, 3).
    """
    first, second = texture.colors()
    weight = _pattern(texture, u, v)[:, None]
    return first + (second - first) * weight


def _pattern(texture: Texture, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the share of the second colour."""
    x, y = u * texture.frequency, v * texture.frequency
    if texture.kind == 'stripes':
        return np.floor(2 * x) % 2
    if texture.kind == 'checks':
        return (np.floor(2 * x) + np.floor(2 * y)) % 2
    if texture.kind == 'dots':
        x, y = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5
        return (x * x + y * y <= 0.09).astype(np.float64)
    if texture.kind == 'noise':
        scale = (_LATTICE - 1) / (2 * _LATTICE_REACH)
        value = _interpolate(texture.lattice, (v + _LATTICE_REACH) * scale,
                             (u + _LATTICE_REACH) * scale)
        return np.clip((value - 0.5) * 3 + 0.5, 0, 1)
    return np.zeros_like(u)


def _interpolate(lattice: np.ndarray, rows: np.ndarray,
                 cols: np.ndarray) -> np.ndarray:
    """Sample a lattice bilinearly; points outside take the border."""
    rows = np.clip(rows, 0, lattice.shape[0] - 1.001)
    cols = np.clip(cols, 0, lattice.shape[1] - 1.001)
    top, left = np.floor(rows).astype(int), np.floor(cols).astype(int)
    dy, dx = rows - top, cols - left
    upper = lattice[top, left] * (1 - dx) + lattice[top, left + 1] * dx
    lower = lattice[top + 1, left] * (1 - dx) + lattice[top + 1, left + 1] * dx
    return upper * (1 - dy) + lower * dy


def value_noise(rng: np.random.Generator, height: int, width: int,
                cell: float) -> np.ndarray:
    """Return smooth noise in [0, 1].

    Args:
        rng (np.random.Generator): Source of the lattice.
        height (int): Rows.
        width (int): Columns.
        cell (float): Distance of two lattice points in pixels.

    Returns:
        np.ndarray: float64.

    Shape:
        Output: (height, width).
    """
    rows = np.arange(height) / cell
    cols = np.arange(width) / cell
    lattice = rng.random((int(rows[-1]) + 2, int(cols[-1]) + 2))
    return _interpolate(lattice, rows[:, None], cols[None])


def paint_stuff(rng: np.random.Generator, kind: str, height: int,
                width: int) -> np.ndarray:
    """Return a plane full of one kind of stuff.

    Args:
        rng (np.random.Generator): Source of the texture.
        kind (str): One of ``STUFF``.
        height (int): Rows.
        width (int): Columns.

    Returns:
        np.ndarray: RGB in [0, 255], float64.

    Shape:
        Output: (height, width, 3).
    """
    first, second, cell = _STUFF_STYLE[kind]
    tint = 12 * (rng.random(3) - 0.5)
    noise = value_noise(rng, height, width, max(2., cell * height))
    y, x = np.mgrid[:height, :width] / height
    if kind == 'sky':
        weight = 0.85 * y + 0.15 * noise
    elif kind == 'wall':
        row = np.floor(y / cell)
        brick = np.floor(x / (2 * cell) + 0.5 * (row % 2))
        weight = 0.8 * ((row + brick) % 2) + 0.2 * noise
    elif kind == 'water':
        weight = 0.5 + 0.5 * np.sin(2 * np.pi * (y / cell + 0.7 * noise))
    elif kind == 'road':
        dash = (np.floor(x / (4 * cell)) % 2) * (np.floor(y / cell) % 3 == 1)
        weight = 0.45 * noise + 0.55 * dash
    else:
        weight = noise
    colors = np.array([first, second], dtype=np.float64) + tint
    return colors[0] + (colors[1] - colors[0]) * weight[..., None]


# dull colours, so that objects stand out; cell as fraction of the height
_STUFF_STYLE: Dict[str, Tuple] = dict(
    sky=((120, 160, 205), (205, 220, 232), 0.25),
    wall=((128, 106, 94), (156, 134, 118), 0.07),
    plants=((38, 66, 34), (92, 122, 66), 0.045),
    ground=((140, 124, 92), (178, 164, 128), 0.14),
    water=((58, 92, 116), (98, 136, 152), 0.08),
    road=((72, 72, 76), (128, 128, 128), 0.06))
