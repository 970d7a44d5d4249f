"""Entry point: one MovingShapes video from a configuration."""
from functools import lru_cache
from typing import List, Tuple

import numpy as np

from .renderer import FrameMaps, render_flow, render_image, render_maps
from .synth_cfg import SynthCfg
from .synth_video import SynthVideo
from .world import World, build_world

_MAX_ATTEMPTS = 32
_MIN_VISIBLE_FRAMES = 3


def video_name(split: str, index: int) -> str:
    """Return the name of a video, e.g. ``train_0007``."""
    return f'{split}_{index:04d}'


def generate_video(cfg: SynthCfg,
                   split: str,
                   index: int,
                   with_images: bool = True,
                   with_flow: bool = False) -> SynthVideo:
    """Render one video.

    The result depends on the arguments alone: not on the number of videos,
    on the order of calls or on any global random state.

    Args:
        cfg (SynthCfg): The knobs.
        split (str): 'train' or 'val'.
        index (int): Position in the split; may exceed the number of videos
            of the configuration.
        with_images (bool): Whether to render colours. Defaults to True.
        with_flow (bool): Whether to compute flow. Defaults to False.

    Returns:
        SynthVideo: Frames and ground truth.
    """
    cfg.num_videos(split)
    world, maps = _world_with_maps(cfg, split, index)
    video = SynthVideo(
        name=video_name(split, index),
        cfg=cfg,
        split=split,
        index=index,
        objects=world.objects,
        frames=None,
        label_maps=np.stack([m.labels for m in maps]),
        id_maps=np.stack([m.ids for m in maps]),
        full_areas=np.stack([m.full_areas for m in maps]))
    if with_images:
        video.frames = np.stack(
            [render_image(world, t, m) for t, m in enumerate(maps)])
    if with_flow:
        pairs = [
            render_flow(world, t, t + 1, maps[t], maps[t + 1])
            for t in range(cfg.num_frames - 1)
        ]
        video.flow = np.stack([flow.transpose(1, 2, 0) for flow, _ in pairs])
        video.flow_valid = np.stack([valid for _, valid in pairs])
    return video


def generate_frame(cfg: SynthCfg, split: str, index: int,
                   frame: int) -> np.ndarray:
    """Render one frame: the same pixels as in the whole video.

    Args:
        cfg (SynthCfg): The knobs.
        split (str): 'train' or 'val'.
        index (int): Position of the video in the split.
        frame (int): Position in the video.

    Returns:
        np.ndarray: RGB, uint8.

    Shape:
        Output: (H, W, 3).
    """
    world, maps = _world_with_maps(cfg, split, index)
    return render_image(world, frame, maps[frame])


def generate_flow(cfg: SynthCfg, split: str, index: int, source: int,
                  target: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return the exact flow between two frames of a video.

    Args:
        cfg (SynthCfg): The knobs.
        split (str): 'train' or 'val'.
        index (int): Position of the video in the split.
        source (int): Position of the frame that the flow starts from.
        target (int): Position of any other frame, earlier or later.

    Returns:
        Tuple[np.ndarray, np.ndarray]: Motion in pixels, to the right, then
        down, of what is seen in ``source``, float32 and always finite;
        whether it is seen in ``target`` at the place where the flow points,
        bool.

    Raises:
        ValueError: If the video has no such frame.

    Shape:
        Output: (2, H, W) and (H, W).
    """
    for frame in (source, target):
        if not 0 <= frame < cfg.num_frames:
            raise ValueError(
                f'frame {frame} of {video_name(split, index)}, expected 0 to '
                f'{cfg.num_frames - 1}; see num_frames of SynthCfg')
    world, maps = _world_with_maps(cfg, split, index)
    return render_flow(world, source, target, maps[source], maps[target])


@lru_cache(maxsize=4)
def _world_with_maps(cfg: SynthCfg, split: str,
                     index: int) -> Tuple[World, List[FrameMaps]]:
    """Lay out a video; throw layouts away that show too little."""
    for attempt in range(_MAX_ATTEMPTS):
        world = build_world(cfg, split, index, attempt)
        maps = [render_maps(world, t) for t in range(cfg.num_frames)]
        plain = [o.object_id for o in world.objects if not o.iscrowd]
        seen = [np.isin(plain, m.ids) for m in maps]
        if np.sum(seen, axis=0).max() >= _MIN_VISIBLE_FRAMES:
            return world, maps
    raise ValueError(f'no layout of {video_name(split, index)} shows an '
                     f'object for {_MIN_VISIBLE_FRAMES} frames in '
                     f'{_MAX_ATTEMPTS} attempts; check p_late, p_exit and '
                     'num_frames of SynthCfg')
