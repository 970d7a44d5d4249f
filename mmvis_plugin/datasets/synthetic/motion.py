"""Paths of objects and the events along them."""
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .sprite import Sprite, Track
from .synth_cfg import SynthCfg


def draw_track(rng: np.random.Generator, cfg: SynthCfg, start: np.ndarray,
               radius: float, offsets: np.ndarray) -> Track:
    """Draw the undisturbed path of one object.

    Args:
        rng (np.random.Generator): Source of all draws.
        cfg (SynthCfg): The knobs.
        start (np.ndarray): Position in the first frame (x, y).
        radius (float): Radius of the object in pixels.
        offsets (np.ndarray): Camera path in whole pixels.

    Returns:
        Track: Poses in image coordinates, present everywhere.

    Shape:
        start: (2, ); offsets: (T, ).
    """
    frames = np.arange(cfg.num_frames, dtype=np.float64)
    velocity = cfg.speed * cfg.width * rng.standard_normal(2)
    bounces = rng.random() < 0.75
    spin = cfg.spin * rng.standard_normal()
    angle, sway, grow = rng.random(3)
    phases, periods = rng.random(2), 8 + 16 * rng.random(2)
    wave = np.sin(2 * np.pi * (frames / periods[0] + phases[0])) - np.sin(
        2 * np.pi * phases[0])
    across = np.array([-velocity[1], velocity[0]])
    across /= max(float(np.hypot(*across)), 1e-9)
    path = start + frames[:, None] * velocity
    path = path + wave[:, None] * across * sway * 2.5 * cfg.speed * cfg.width
    path[:, 0] -= offsets - offsets[0]
    if bounces:
        size = np.array([cfg.width, cfg.height], dtype=np.float64)
        path = _fold(path, np.full(2, 0.6 * radius), size - 0.6 * radius)
    # scales stay within 0.7 ... 1.4
    wave = np.sin(2 * np.pi * (frames / (2 * periods[1]) + phases[1]))
    scale = np.exp(np.log(1.4) * grow * wave)
    return Track(
        center=path,
        scale=scale,
        angle=2 * np.pi * angle + spin * frames,
        present=np.ones(cfg.num_frames, dtype=bool))


def _fold(path: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Reflect a path at the borders of a box."""
    span = high - low
    turns = np.mod(path - low, 2 * span)
    return low + np.minimum(turns, 2 * span - turns)


def cross_paths(rng: np.random.Generator, first: Sprite, second: Sprite,
                cfg: SynthCfg) -> None:
    """Make two objects swap sides through a common point, in place.

    Args:
        rng (np.random.Generator): Source of time and place.
        first (Sprite): One object.
        second (Sprite): The other object.
        cfg (SynthCfg): The knobs.
    """
    meet = (0.35 + 0.3 * rng.random()) * (cfg.num_frames - 1)
    starts = [sprite.track.center[0] for sprite in (first, second)]
    place = (starts[0] + starts[1]) / 2
    place = place + 0.1 * cfg.height * (rng.random(2) - 0.5)
    frames = np.arange(cfg.num_frames)[:, None]
    for sprite, start in zip((first, second), starts):
        path = start + frames / meet * (place - start)
        size = np.array([cfg.width, cfg.height], dtype=np.float64)
        sprite.track.center = _fold(path, np.zeros(2), size)


def hide_behind(rng: np.random.Generator, back: Sprite, front: Sprite,
                cfg: SynthCfg) -> Optional[int]:
    """Bend the path of one object so that another hides it for 2 frames.

    Args:
        rng (np.random.Generator): Source of the time.
        back (Sprite): The object to hide, changed in place.
        front (Sprite): A bigger object in front of it.
        cfg (SynthCfg): The knobs.

    Returns:
        int, optional: First hidden frame; None if the front object is never
        big enough.
    """
    num = cfg.num_frames
    fits = np.array([
        front.inner_radius(t) >= back.outer_radius(t) + 1 for t in range(num)
    ])
    fits &= front.track.present & back.track.present
    fits &= _inside(front.track.center, cfg)
    times = np.flatnonzero(fits[1:-2] & fits[2:-1]) + 1
    if len(times) == 0:
        return None
    time = int(times[int(rng.random() * len(times))])
    distance = np.maximum(np.arange(num) - time - 1, time - np.arange(num))
    pull = np.clip(1 - np.maximum(distance, 0) / 4, 0, 1)[:, None]
    gap = front.track.center - back.track.center
    back.track.center = back.track.center + pull * gap
    return time


def _inside(center: np.ndarray, cfg: SynthCfg) -> np.ndarray:
    """Return in which frames a position lies in the image, bool (T, )."""
    return ((center >= 0) & (center < (cfg.width, cfg.height))).all(axis=1)


def place_pillar(sprites: Sequence[Sprite], offsets: np.ndarray,
                 cfg: SynthCfg) -> Optional[Tuple[float, float]]:
    """Place a pillar that hides an object for at least 2 frames.

    Of all objects and times the one is taken that is hidden for the fewest
    frames, then the one that needs the narrowest pillar.

    Args:
        sprites (Sequence[Sprite]): The objects.
        offsets (np.ndarray): Camera path (T, ).
        cfg (SynthCfg): The knobs.

    Returns:
        Tuple[float, float], optional: Left and right end in columns of the
        near plane; None if no object is in the image for 2 frames.
    """
    options = []
    for sprite in sprites:
        track = sprite.track
        radius = np.array(
            [sprite.outer_radius(t) for t in range(cfg.num_frames)])
        left = track.center[:, 0] + offsets - radius - 1
        right = track.center[:, 0] + offsets + radius + 1
        here = track.present & _inside(track.center, cfg)
        for t in np.flatnonzero(here[1:-2] & here[2:-1]) + 1:
            low, high = left[t:t + 2].min(), right[t:t + 2].max()
            hidden = here & (left >= low) & (right <= high)
            options.append((int(hidden.sum()), high - low, low, high))
    if not options:
        return None
    return min(options)[2:]


def add_presence_events(rng: np.random.Generator, sprites: Sequence[Sprite],
                        cfg: SynthCfg) -> None:
    """Draw late entry, early exit or exit and return, in place.

    Args:
        rng (np.random.Generator): Source of all draws.
        sprites (Sequence[Sprite]): The objects.
        cfg (SynthCfg): The knobs.
    """
    num = cfg.num_frames
    for sprite in sprites:
        late, leave, back = rng.random(3) < (cfg.p_late, cfg.p_exit,
                                             cfg.p_return)
        gap, when = rng.random(2)
        if back and num >= 6:
            length = min(2 + int(gap * 4), num - 4)
            first = 2 + int(when * (num - length - 3))
            _leave(sprite, cfg, first, first + length)
            continue
        if late:
            _leave(sprite, cfg, 0, 1 + int(when * (num // 2 - 1)))
        if leave:
            first = num - 1 - int(gap * (num // 3))
            _leave(sprite, cfg, max(first, num // 2 + 1), num)


def _leave(sprite: Sprite, cfg: SynthCfg, first: int, stop: int) -> None:
    """Move a sprite over the nearest border for frames first...stop - 1."""
    track, num = sprite.track, cfg.num_frames
    ramp = max(1, min(3, num // 6))
    for edge, inner in ((first, first - 1), (stop - 1, stop)):
        if not 0 <= inner < num:
            continue
        shift = _way_out(track.center[inner], sprite.outer_radius(inner), cfg)
        step = 1 if inner < edge else -1
        for k in range(ramp):
            frame = inner - step * k
            outside = not 0 <= frame < num or first <= frame < stop
            if outside or not track.present[frame]:
                break
            track.center[frame] = track.center[frame] + shift * ((ramp - k) /
                                                                 (ramp + 1))
    track.present[first:stop] = False


def _way_out(center: np.ndarray, radius: float, cfg: SynthCfg) -> np.ndarray:
    """Return the shortest move that takes a circle out of the image."""
    x, y = center
    ways: List[Tuple[float,
                     Tuple[float,
                           float]]] = [(x + radius, (-1., 0.)),
                                       (cfg.width - x + radius, (1., 0.)),
                                       (y + radius, (0., -1.)),
                                       (cfg.height - y + radius, (0., 1.))]
    length, direction = min(ways)
    return max(length, 0.) * np.array(direction)
