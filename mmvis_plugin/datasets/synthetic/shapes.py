"""Forms of the objects as coverage tests in local coordinates."""
from typing import Callable, Dict

import numpy as np

_TRIANGLE_OUTER = 1.45
_STAR_OUTER, _STAR_INNER = 1.45, 0.62
_RING_OUTER, _RING_INNER = 1.1, 0.58
_CROSS_LENGTH, _CROSS_HALF_WIDTH = 1.15, 0.38
_CAPSULE_HALF, _CAPSULE_RADIUS = 0.85, 0.58


def _disc(u, v, lobes, depth):
    return u * u + v * v <= 1


def _square(u, v, lobes, depth):
    return np.maximum(np.abs(u), np.abs(v)) <= 0.9


def _triangle(u, v, lobes, depth):
    half = np.sqrt(3) / 2
    sides = np.maximum(v, np.maximum(half * u, -half * u) - 0.5 * v)
    return sides <= _TRIANGLE_OUTER / 2


def _star5(u, v, lobes, depth):
    sector = np.pi / 5
    angle = np.arctan2(v, u) + sector
    angle = np.abs(angle - 2 * sector * np.floor(angle / (2 * sector)) -
                   sector)
    radius = np.sqrt(u * u + v * v)
    tip_x = _STAR_INNER * np.cos(sector) - _STAR_OUTER
    tip_y = _STAR_INNER * np.sin(sector)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return (x - _STAR_OUTER) * tip_y - y * tip_x <= 0


def _ring(u, v, lobes, depth):
    square = u * u + v * v
    return (square <= _RING_OUTER**2) & (square >= _RING_INNER**2)


def _cross(u, v, lobes, depth):
    u, v = np.abs(u), np.abs(v)
    return (np.minimum(u, v) <= _CROSS_HALF_WIDTH) & (
        np.maximum(u, v) <= _CROSS_LENGTH)


def _capsule(u, v, lobes, depth):
    end = np.maximum(np.abs(u) - _CAPSULE_HALF, 0)
    return end * end + v * v <= _CAPSULE_RADIUS**2


def _blob(u, v, lobes, depth):
    limit = 1 + depth * np.cos(lobes * np.arctan2(v, u))
    return u * u + v * v <= limit * limit


_COVERAGE: Dict[str, Callable] = dict(
    disc=_disc,
    square=_square,
    triangle=_triangle,
    star5=_star5,
    ring=_ring,
    cross=_cross,
    capsule=_capsule,
    blob=_blob)

_REACH = dict(
    disc=1.0,
    square=0.9 * np.sqrt(2),
    triangle=_TRIANGLE_OUTER,
    star5=_STAR_OUTER,
    ring=_RING_OUTER,
    cross=float(np.hypot(_CROSS_LENGTH, _CROSS_HALF_WIDTH)),
    capsule=_CAPSULE_HALF + _CAPSULE_RADIUS,
    blob=1.4)

_CORE = dict(disc=1.0, square=0.9)


def covers(shape: str,
           u: np.ndarray,
           v: np.ndarray,
           lobes: int = 4,
           depth: float = 0.3) -> np.ndarray:
    """Return which local points belong to a form of radius about 1.

    Args:
        shape (str): One of ``SHAPES``.
        u (np.ndarray): First local coordinate, float64.
        v (np.ndarray): Second local coordinate, the same shape.
        lobes (int): Number of lobes of 'blob'. Defaults to 4.
        depth (float): Depth of the lobes of 'blob', at most 0.4.
            Defaults to 0.3.

    Returns:
        np.ndarray: bool, the same shape.
    """
    return _COVERAGE[shape](u, v, lobes, depth)


def reach(shape: str) -> float:
    """Return the radius of a circle that holds the form of radius 1."""
    return float(_REACH[shape])


def core(shape: str) -> float:
    """Return the radius of a circle inside the form; 0 if it has holes."""
    return float(_CORE.get(shape, 0.))
