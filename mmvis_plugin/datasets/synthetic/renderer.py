"""Pixels of a world: ground truth maps, colour image and flow."""
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from .background import VOID
from .synth_cfg import STUFF
from .synth_video import NUM_THINGS
from .textures import paint_texture
from .world import World

# layers: 0 far plane, 1 near plane, 2... sprites back to front, then these
_FAR, _NEAR, _FIRST_SPRITE = 0, 1, 2
_STRIP_SHARE = 0.08
_STRIP_COLOR = (30., 30., 34.)

Flow = Tuple[np.ndarray, np.ndarray]


@dataclass(eq=False)
class FrameMaps:
    """Ground truth of one frame.

    Args:
        layers (np.ndarray): Which part of the world is seen, int16.
        labels (np.ndarray): uint8, see :class:`SynthVideo`.
        ids (np.ndarray): uint8, see :class:`SynthVideo`.
        full_areas (np.ndarray): Pixels before occlusion, int64.

    Shape:
        maps: (H, W); full_areas: (num_objects, ).
    """

    layers: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    full_areas: np.ndarray


def render_maps(world: World, frame: int) -> FrameMaps:
    """Render the ground truth of a frame.

    Args:
        world (World): The video.
        frame (int): Position in the video.

    Returns:
        FrameMaps: What is seen where.
    """
    cfg = world.cfg
    stuff, is_near = world.background.labels(frame, cfg.width)
    layers = np.where(is_near, _NEAR, _FAR).astype(np.int16)
    labels = np.where(stuff == VOID, VOID, stuff + NUM_THINGS)
    labels = labels.astype(np.uint8)
    ids = np.zeros_like(labels)
    full = np.zeros((len(world.objects), cfg.height, cfg.width), dtype=bool)
    for layer, sprite in enumerate(world.sprites, _FIRST_SPRITE):
        window, inside, _, _ = sprite.cover(frame, cfg.height, cfg.width)
        layers[window][inside] = layer
        labels[window][inside] = sprite.label
        ids[window][inside] = sprite.object_id
        full[sprite.object_id - 1][window] |= inside
    for layer, columns, label in _covers(world, frame):
        layers[columns], labels[columns], ids[columns] = layer, label, 0
    return FrameMaps(layers, labels, ids, full.sum(axis=(1, 2)))


def _covers(world: World, frame: int) -> list:
    """Return (layer, region, label) of what stands before all objects."""
    cfg = world.cfg
    offset = world.background.offsets[frame]
    regions = []
    layer = _FIRST_SPRITE + len(world.sprites)
    for left, right in world.pillars:
        ends = np.clip(
            np.round(np.array([left, right]) - offset), 0,
            cfg.width).astype(int)
        regions.append(
            (layer, np.s_[:,
                          ends[0]:ends[1]], NUM_THINGS + STUFF.index('wall')))
    if cfg.void == 'strip':
        top = cfg.height - int(_STRIP_SHARE * cfg.height)
        regions.append((layer + 1, np.s_[top:, :], VOID))
    return regions


def render_image(world: World, frame: int, maps: FrameMaps) -> np.ndarray:
    """Render the colours of a frame.

    Args:
        world (World): The video.
        frame (int): Position in the video.
        maps (FrameMaps): Its ground truth.

    Returns:
        np.ndarray: RGB, uint8.

    Shape:
        Output: (H, W, 3).
    """
    cfg = world.cfg
    _, is_near = world.background.labels(frame, cfg.width)
    image = world.background.colors(frame, is_near).astype(np.float64)
    for layer, sprite in enumerate(world.sprites, _FIRST_SPRITE):
        seen = np.nonzero(maps.layers == layer)
        if len(seen[0]):
            u, v = sprite.to_local(frame, seen[1] + 0.5, seen[0] + 0.5)
            image[seen] = paint_texture(sprite.texture, u, v)
    for layer, region, label in _covers(world, frame):
        image[region] = _STRIP_COLOR
        if label != VOID:
            shift = int(world.background.offsets[frame])
            columns = np.arange(cfg.width)[region[1]] + shift
            image[region] = 0.8 * world.pillar_colors[:, columns % cfg.width]
    return _develop(world, frame, image)


def _develop(world: World, frame: int, image: np.ndarray) -> np.ndarray:
    """Apply blur, brightness and noise, and round half up."""
    cfg = world.cfg
    rng = np.random.Generator(np.random.PCG64(world.noise_seeds[frame]))
    if cfg.blur:
        padded = np.pad(image, ((0, 0), (1, 1), (0, 0)), mode='edge')
        image = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    image = image * (1 + cfg.flicker * rng.standard_normal())
    image = image + cfg.noise * rng.standard_normal(image.shape)
    return np.floor(np.clip(image, 0, 255) + 0.5).astype(np.uint8)


def render_flow(world: World, source: int, target: int, maps: FrameMaps,
                ending: FrameMaps) -> Flow:
    """Return the exact flow from one frame to another.

    A surface that is hidden in the other frame, or outside of it, has flow
    as well: it is where it would be seen.

    Args:
        world (World): The video.
        source (int): Position of the frame that the flow starts from.
        target (int): Position of any other frame, earlier or later.
        maps (FrameMaps): Ground truth of ``source``.
        ending (FrameMaps): Ground truth of ``target``.

    Returns:
        Tuple[np.ndarray, np.ndarray]: Flow in pixels, to the right, then
        down, float32; whether the same surface is seen at its end.

    Shape:
        Output: (2, H, W) and (H, W).
    """
    cfg = world.cfg
    rows, cols = np.mgrid[:cfg.height, :cfg.width] + 0.5
    start, stop = (int(world.background.offsets[t]) for t in (source, target))
    strip = _FIRST_SPRITE + len(world.sprites) + 1
    flow = np.zeros((2, cfg.height, cfg.width))
    flow[0] = np.where(maps.layers == _FAR, start // 2 - stop // 2,
                       start - stop)
    flow[0, maps.layers == strip] = 0
    for layer, sprite in enumerate(world.sprites, _FIRST_SPRITE):
        seen = maps.layers == layer
        x, y = cols[seen], rows[seen]
        moved = sprite.to_image(target, *sprite.to_local(source, x, y))
        flow[:, seen] = np.stack(moved) - np.stack([x, y])
    end_x = np.floor(cols + flow[0]).astype(int)
    end_y = np.floor(rows + flow[1]).astype(int)
    inside = (end_x >= 0) & (end_x < cfg.width) & (end_y >= 0) & (
        end_y < cfg.height)
    end_x, end_y = end_x.clip(0, cfg.width - 1), end_y.clip(0, cfg.height - 1)
    valid = inside & (ending.layers[end_y, end_x] == maps.layers)
    return flow.astype(np.float32), valid
