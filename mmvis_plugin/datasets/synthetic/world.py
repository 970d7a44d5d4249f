"""Layout of a video: what is where, in front of what, and when."""
import zlib
from dataclasses import dataclass, field
from typing import List, Optional, Tuple

import numpy as np

from .background import Background, build_background, camera_offsets
from .motion import (add_presence_events, cross_paths, draw_track, hide_behind,
                     place_pillar)
from .sprite import Sprite, Track
from .synth_cfg import SHAPES, SynthCfg
from .synth_video import SynthObject
from .textures import Texture, draw_texture, paint_stuff

TWIN_DIAMETERS = 1.5


@dataclass(eq=False)
class World:
    """All parts of one video before rendering.

    Args:
        cfg (SynthCfg): The knobs.
        background (Background): Stuff and camera.
        sprites (List[Sprite]): Back to front.
        objects (Tuple[SynthObject, ...]): By ascending identity.
        pillars (List[Tuple[float, float]]): Ends in near-plane columns.
        pillar_colors (np.ndarray): RGB texture of all pillars, float32.
        noise_seeds (List[np.random.SeedSequence]): One per frame.

    Shape:
        pillar_colors: (H, W, 3).
    """

    cfg: SynthCfg
    background: Background
    sprites: List[Sprite]
    objects: Tuple[SynthObject, ...]
    pillars: List[Tuple[float, float]]
    pillar_colors: np.ndarray
    noise_seeds: List[np.random.SeedSequence]


@dataclass
class _Streams:
    """Random streams; layout and motion depend on the attempt."""

    layout: np.random.Generator
    motion: np.random.Generator
    texture: np.random.Generator
    noise: np.random.SeedSequence = field(repr=False)


def _streams(cfg: SynthCfg, split: str, index: int, attempt: int) -> _Streams:
    root = np.random.SeedSequence(
        [cfg.seed, zlib.crc32(split.encode()), index])
    layout, motion, texture, noise = root.spawn(4)
    layout, motion = (
        seed.spawn(attempt + 1)[attempt] for seed in (layout, motion))
    make = [
        np.random.Generator(np.random.PCG64(seed))
        for seed in (layout, motion, texture)
    ]
    return _Streams(*make, noise)


def build_world(cfg: SynthCfg,
                split: str,
                index: int,
                attempt: int = 0) -> World:
    """Lay out one video.

    Args:
        cfg (SynthCfg): The knobs.
        split (str): 'train' or 'val'.
        index (int): Position of the video in the split.
        attempt (int): How often layout and motion were drawn before.
            Defaults to 0.

    Returns:
        World: Everything the renderer needs. It depends on nothing but the
        arguments.
    """
    rng = _streams(cfg, split, index, attempt)
    offsets = camera_offsets(rng.motion, cfg)
    background = build_background(rng.layout, rng.texture, offsets, cfg)
    sprites = _draw_objects(rng, cfg, offsets)
    order = np.argsort(rng.layout.random(len(sprites)), kind='stable')
    sprites = [sprites[i] for i in order]
    pillars = _add_events(rng, cfg, sprites, offsets)
    if rng.layout.random() < cfg.p_crowd:
        sprites = _draw_crowd(rng, cfg, len(sprites) + 1, offsets) + sprites
    pillar_colors = paint_stuff(rng.texture, 'wall', cfg.height, cfg.width)
    return World(
        cfg=cfg,
        background=background,
        sprites=sprites,
        objects=_object_list(sprites),
        pillars=pillars,
        pillar_colors=pillar_colors.astype(np.float32),
        noise_seeds=rng.noise.spawn(cfg.num_frames))


def _object_list(sprites: List[Sprite]) -> Tuple[SynthObject, ...]:
    cards = {
        s.object_id: SynthObject(s.object_id, s.label, s.iscrowd, s.twin_of)
        for s in sprites
    }
    return tuple(cards[i] for i in sorted(cards))


def _draw_objects(rng: _Streams, cfg: SynthCfg,
                  offsets: np.ndarray) -> List[Sprite]:
    low, high = cfg.objects
    num = low + int(rng.layout.random() * (high - low + 1))
    sprites: List[Sprite] = []
    while len(sprites) < num:
        sprite = _draw_object(rng, cfg, len(sprites) + 1)
        start = _draw_start(rng.layout, cfg, sprites)
        sprite.track = draw_track(rng.motion, cfg, start, sprite.radius,
                                  offsets)
        sprites.append(sprite)
        if rng.layout.random() < cfg.p_twin and len(sprites) < num:
            sprites.append(_draw_twin(rng, cfg, sprite, offsets))
    return sprites


def _draw_object(rng: _Streams, cfg: SynthCfg, object_id: int) -> Sprite:
    kind, size, aspect, lobes, depth = rng.layout.random(5)
    label = int(kind * cfg.classes)
    # small objects are more frequent than big ones
    radius = (0.08 + 0.14 * size**1.3) * cfg.height
    return Sprite(
        object_id=object_id,
        label=label,
        shape=SHAPES[label],
        radius=radius,
        aspect=0.7 * 2**aspect,
        lobes=3 + int(3 * lobes),
        depth=0.22 + 0.13 * depth,
        texture=draw_texture(rng.texture))


def _draw_start(rng: np.random.Generator, cfg: SynthCfg,
                others: List[Sprite]) -> np.ndarray:
    """Draw a start far from the others: the best of 8 places."""
    places = _places(rng, cfg, 8)
    if not others:
        return places[0]
    taken = np.array([other.track.center[0] for other in others])
    gaps = np.hypot(*(places[:, None] - taken[None]).transpose(2, 0, 1))
    return places[int(gaps.min(axis=1).argmax())]


def _places(rng: np.random.Generator, cfg: SynthCfg, num: int) -> np.ndarray:
    size = np.array([cfg.width, cfg.height])
    return (0.1 + 0.8 * rng.random((num, 2))) * size


def _draw_twin(rng: _Streams, cfg: SynthCfg, model: Sprite,
               offsets: np.ndarray) -> Sprite:
    """Draw a look-alike that starts at least 1.5 diameters away."""
    size, hue = 2 * rng.layout.random(2) - 1
    radius = model.radius * (1 + 0.1 * size)
    places = _places(rng.layout, cfg, 16)
    # the opposite corner is a last resort that is always far enough
    first = model.track.center[0]
    corner = np.where(first < (cfg.width / 2, cfg.height / 2),
                      (cfg.width, cfg.height), 0)
    places = np.concatenate([places, corner[None]])
    gaps = np.hypot(*(places - first).T)
    far = gaps >= TWIN_DIAMETERS * 2 * max(radius, model.radius)
    start = places[int(far.argmax())]
    twin = Sprite(
        object_id=model.object_id + 1,
        label=model.label,
        shape=model.shape,
        radius=radius,
        aspect=model.aspect,
        lobes=model.lobes,
        depth=model.depth,
        texture=model.texture.with_hue_shift(cfg.twin_hue * float(hue)),
        twin_of=model.object_id)
    twin.track = draw_track(rng.motion, cfg, start, radius, offsets)
    return twin


def _add_events(rng: _Streams, cfg: SynthCfg, sprites: List[Sprite],
                offsets: np.ndarray) -> List[Tuple[float, float]]:
    """Add crossings, entries and exits, and occlusions, in this order."""
    by_id = {sprite.object_id: sprite for sprite in sprites}
    twins = [(by_id[s.twin_of], s) for s in sprites if s.twin_of]
    paired = {s.object_id for pair in twins for s in pair}
    singles = [s for s in sprites if s.object_id not in paired]
    pairs = twins + ([tuple(singles[:2])] if len(singles) > 1 else [])
    for pair in pairs:
        if rng.motion.random() < cfg.p_cross:
            cross_paths(rng.motion, *pair, cfg)
    add_presence_events(rng.motion, sprites, cfg)
    if rng.motion.random() >= cfg.p_occlude:
        return []
    if _hide_one(rng.motion, sprites, cfg) is not None:
        return []
    pillar = place_pillar(sprites, offsets, cfg)
    return [] if pillar is None else [pillar]


def _hide_one(rng: np.random.Generator, sprites: List[Sprite],
              cfg: SynthCfg) -> Optional[int]:
    """Hide an object behind a bigger one; half of the time do not try."""
    if rng.random() < 0.5:
        return None
    for front in reversed(range(1, len(sprites))):
        for back in range(front):
            time = hide_behind(rng, sprites[back], sprites[front], cfg)
            if time is not None:
                return time
    return None


def _draw_crowd(rng: _Streams, cfg: SynthCfg, object_id: int,
                offsets: np.ndarray) -> List[Sprite]:
    """Draw 4 to 8 tiny objects of a class that move as one region."""
    kind, num = rng.layout.random(2)
    label = int(kind * cfg.classes)
    spread = 0.13 * cfg.height
    lead = draw_track(rng.motion, cfg,
                      _places(rng.layout, cfg, 1)[0], spread, offsets)
    members = []
    for _ in range(4 + int(5 * num)):
        place, size = rng.layout.random(2), rng.layout.random()
        shift = 2 * spread * (place - 0.5)
        turn = 2 * np.pi * rng.layout.random()
        members.append(
            Sprite(
                object_id=object_id,
                label=label,
                shape=SHAPES[label],
                radius=max(2., (0.03 + 0.02 * size) * cfg.height),
                aspect=1.,
                lobes=4,
                depth=0.3,
                texture=_small_texture(rng.texture),
                track=Track(lead.center + shift, np.ones(cfg.num_frames),
                            lead.angle + turn, lead.present.copy()),
                iscrowd=True))
    return members


def _small_texture(rng: np.random.Generator) -> Texture:
    """Draw a look without a pattern: there is no room for one."""
    texture = draw_texture(rng)
    return Texture('plain', texture.hsv, texture.contrast, texture.frequency,
                   texture.lattice)
