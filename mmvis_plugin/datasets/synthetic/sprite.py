"""Drawable parts of a video and their exact geometry."""
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from .shapes import core, covers, reach
from .textures import Texture


@dataclass(eq=False)
class Track:
    """Pose of a sprite in every frame, in image coordinates.

    Args:
        center (np.ndarray): Position in pixels, float64.
        scale (np.ndarray): Factor on the radius.
        angle (np.ndarray): Rotation in rad.
        present (np.ndarray): Whether the sprite exists, bool.

    Shape:
        center: (T, 2) as x, y; the others: (T, ).
    """

    center: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    present: np.ndarray


@dataclass(eq=False)
class Sprite:
    """One form with its look, size and path.

    Args:
        object_id (int): Identity, from 1; the parts of a crowd share one.
        label (int): Index into ``SHAPES``.
        shape (str): Name of the form.
        radius (float): Radius in pixels at scale 1.
        aspect (float): Width over height in local coordinates.
        lobes (int): Lobes of a 'blob'.
        depth (float): Depth of these lobes.
        texture (Texture): The look.
        track (Track): The path; set after the events are known.
        twin_of (int, optional): Identity that this object looks like.
        iscrowd (bool): Whether it is part of a crowd region.
    """

    object_id: int
    label: int
    shape: str
    radius: float
    aspect: float
    lobes: int
    depth: float
    texture: Texture
    track: Optional[Track] = None
    twin_of: Optional[int] = None
    iscrowd: bool = False

    def half_axes(self, frame: int) -> Tuple[float, float]:
        """Return the local units in pixels along both local axes."""
        size = self.radius * self.track.scale[frame]
        return size * np.sqrt(self.aspect), size / np.sqrt(self.aspect)

    def outer_radius(self, frame: int) -> float:
        """Return the radius in pixels of a circle that holds the form."""
        return float(max(self.half_axes(frame)) * reach(self.shape))

    def inner_radius(self, frame: int) -> float:
        """Return the radius in pixels of a circle inside the form."""
        return float(min(self.half_axes(frame)) * core(self.shape))

    def to_local(self, frame: int, x: np.ndarray,
                 y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Turn image points into local coordinates.

        Args:
            frame (int): Position in the video.
            x (np.ndarray): Columns in pixels.
            y (np.ndarray): Rows in pixels.

        Returns:
            Tuple[np.ndarray, np.ndarray]: Local coordinates u and v.
        """
        cos, sin = np.cos(self.track.angle[frame]), np.sin(
            self.track.angle[frame])
        dx, dy = x - self.track.center[frame, 0], y - self.track.center[frame,
                                                                        1]
        along, across = self.half_axes(frame)
        return (cos * dx + sin * dy) / along, (cos * dy - sin * dx) / across

    def to_image(self, frame: int, u: np.ndarray,
                 v: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Turn local coordinates into image points: inverse of to_local."""
        cos, sin = np.cos(self.track.angle[frame]), np.sin(
            self.track.angle[frame])
        along, across = self.half_axes(frame)
        dx, dy = u * along, v * across
        center = self.track.center[frame]
        return center[0] + cos * dx - sin * dy, center[1] + sin * dx + cos * dy

    def cover(
        self, frame: int, height: int, width: int
    ) -> Tuple[Tuple[slice, slice], np.ndarray, np.ndarray, np.ndarray]:
        """Return the pixels of the image that the sprite covers.

        A pixel is covered if its centre (x + 0.5, y + 0.5) is.

        Args:
            frame (int): Position in the video.
            height (int): Image height.
            width (int): Image width.

        Returns:
            tuple: The window (row slice, column slice), coverage (h, w)
            bool inside it and the local coordinates u, v (h, w).
        """
        radius = self.outer_radius(frame)
        cx, cy = self.track.center[frame]
        left, right = _clip(cx - radius, width), _clip(cx + radius + 1, width)
        top, bottom = _clip(cy - radius,
                            height), _clip(cy + radius + 1, height)
        x = np.arange(left, right)[None] + 0.5
        y = np.arange(top, bottom)[:, None] + 0.5
        u, v = self.to_local(frame, x, y)
        inside = covers(self.shape, u, v, self.lobes, self.depth)
        if not self.track.present[frame]:
            inside = np.zeros_like(inside)
        return (slice(top, bottom), slice(left, right)), inside, u, v


def _clip(value: float, size: int) -> int:
    return int(np.clip(np.floor(value), 0, size))
