"""Frame-level prototypical cross-attention of PCAN."""
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.ops import (em_cluster, prototype_attention,
                              prototype_readout, prototype_values)
from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .initial_bases import initial_bases

MODES = ('ema', 'similarity')
MEMORY_UPDATES = ('ema', 'last')
SIMILARITY_FACTOR = 10.


@dataclass(frozen=True)
class FrameMemory:
    """What a video carries of its past frames, per fused level.

    Attributes:
        maps (tuple[Tensor, ...]): ``(1, C, H, W)`` each.
        bases (tuple[Tensor, ...]): Working bases, ``(1, C, K)`` each; empty
            in the mode 'similarity'.
    """
    maps: Tuple[Tensor, ...]
    bases: Tuple[Tensor, ...] = ()


@MODELS.register_module()
class FramePCAM(BaseModule):
    """Read a feature pyramid through prototypes of its past.

    Mode 'ema' is the released two-stage model: no parameters, tests only, one
    map of memory per level that is an average of past fused maps. Mode
    'similarity' is trainable: values are projected, prototypes of the last
    frame are found from those of the current one, and each pixel weights
    itself and the read-outs by learned similarity.

    Source: PCAN, NeurIPS 2021, section 3.2, equations of E-step, M-step and
    read-out. Mode 'ema' follows the released code where it differs from the
    paper: key, query and value are the raw features, E-step logits are
    multiplied by 20 and those of the read-out are not, levels P2 and P3.

    Args:
        mode (str): 'ema' or 'similarity'.
        channels (int): C. Defaults to 256.
        num_protos (int): K. Defaults to 30.
        num_iters (int): EM iterations. Defaults to 3.
        levels (Sequence[int]): Pyramid levels to fuse. Defaults to (0, 1).
        num_levels (int): Levels that have a base (``mu0`` ...). Defaults
            to 5, as in the released weights.
        em_temp (float, optional): Factor of the E-step logits. None is 20 for
            'ema' and 1 for 'similarity'.
        fuse_weight (float): Weight of the current map in 'ema'.
        memory_weight (float): Weight of the new map in the memory of 'ema'.
        memory_update (str): 'ema', or 'last' for a memory that is the map of
            the last frame before its fusion.
        base_momentum (float, optional): Weight of the old bases. None is 0.5
            for 'ema' (working bases of a video) and 0.9 for 'similarity'
            (buffers, in training).
        with_current_readout (bool): In 'similarity', whether the read-out of
            the current frame's own prototypes is a candidate too.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 mode: str = 'ema',
                 channels: int = 256,
                 num_protos: int = 30,
                 num_iters: int = 3,
                 levels: Sequence[int] = (0, 1),
                 num_levels: int = 5,
                 em_temp: Optional[float] = None,
                 fuse_weight: float = 0.75,
                 memory_weight: float = 0.75,
                 memory_update: str = 'ema',
                 base_momentum: Optional[float] = None,
                 with_current_readout: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if mode not in MODES:
            raise ValueError(f'frame_pcam.mode={mode!r}, expected one of '
                             f'{MODES}')
        if memory_update not in MEMORY_UPDATES:
            raise ValueError(f'frame_pcam.memory_update={memory_update!r}, '
                             f'expected one of {MEMORY_UPDATES}')
        if not levels or not 0 <= min(levels) <= max(levels) < num_levels:
            raise ValueError(f'frame_pcam.levels={tuple(levels)}, expected '
                             f'indices below num_levels={num_levels}')
        is_ema = mode == 'ema'
        self.mode = mode
        self.num_iters = num_iters
        self.levels = tuple(levels)
        self.em_temp = em_temp or (20. if is_ema else 1.)
        self.fuse_weight = fuse_weight
        self.memory_weight = memory_weight
        self.memory_update = memory_update
        self.base_momentum = base_momentum or (0.5 if is_ema else 0.9)
        self.with_current_readout = with_current_readout
        for level in range(num_levels):
            self.register_buffer(f'mu{level}',
                                 initial_bases(channels, num_protos))
        if not is_ema:
            self.conv_v = nn.Conv2d(channels, channels, 1)
            self.conv_1 = nn.Conv2d(channels, channels, 1)
            self.conv_2 = nn.Conv2d(channels, channels, 1)
        self._memory: Optional[FrameMemory] = None

    def reset(self) -> None:
        """Forget the video that :meth:`forward` has seen."""
        self._memory = None

    def forward(self, feats: Sequence[Tensor]) -> List[Tensor]:
        """Fuse the next frame of one video, remembered in the module.

        Args:
            feats (Sequence[Tensor]): Pyramid of the frame, ``(1, C, H, W)``
                per level.

        Returns:
            list[Tensor]: The pyramid with the chosen levels fused.
        """
        feats, self._memory = self.fuse(feats, self._memory)
        return feats

    def fuse(
            self, feats: Sequence[Tensor],
            memory: Optional[FrameMemory]) -> Tuple[List[Tensor], FrameMemory]:
        """Fuse a frame with a memory; pure.

        Args:
            feats (Sequence[Tensor]): Pyramid of the frame.
            memory (FrameMemory, optional): What the last frame left. None,
                or one of another frame size, starts anew.

        Returns:
            tuple[list[Tensor], FrameMemory]: The fused pyramid and the
            memory for the next frame.

        Shape:
            - feats: ``(1, C, H, W)`` per level.
        """
        chosen = [feats[level] for level in self.levels]
        shapes = [x.shape for x in chosen]
        if memory is None or [m.shape for m in memory.maps] != shapes:
            memory = FrameMemory(
                tuple(chosen),
                tuple(getattr(self, f'mu{level}') for level in self.levels))
        feats = list(feats)
        if self.mode == 'similarity':
            for level, past in zip(self.levels, memory.maps):
                feats[level] = self._compare(level, feats[level], past)
            return feats, FrameMemory(tuple(chosen))
        maps, bases = [], []
        for level, past, base in zip(self.levels, memory.maps, memory.bases):
            feats[level], new_map, new_base = self._average(
                feats[level], past, base)
            maps.append(new_map)
            bases.append(new_base)
        return feats, FrameMemory(tuple(maps), tuple(bases))

    def fuse_pair(self, feats: Sequence[Tensor],
                  ref_feats: Sequence[Tensor]) -> List[Tensor]:
        """Fuse key frames with reference frames, to train 'similarity'.

        Args:
            feats (Sequence[Tensor]): Pyramid of the key frames.
            ref_feats (Sequence[Tensor]): Pyramid of the reference frames.

        Shape:
            - feats, ref_feats, output: ``(B, C, H, W)`` per level.
        """
        if self.mode != 'similarity':
            raise ValueError("frame_pcam.mode='ema' has nothing to train, "
                             "expected 'similarity'")
        feats = list(feats)
        for level in self.levels:
            feats[level] = self._compare(level, feats[level], ref_feats[level])
        return feats

    @torch.no_grad()
    def _average(self, x: Tensor, past: Tensor,
                 base: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Fuse one level in the mode 'ema'."""
        protos, _ = em_cluster(
            past.flatten(2),
            base,
            self.num_iters,
            temp=self.em_temp,
            with_resp=False)
        attention = prototype_attention(x.flatten(2), protos)
        readout = prototype_readout(attention, protos).view_as(x).to(x)
        fused = self.fuse_weight * x + (1 - self.fuse_weight) * readout
        if self.memory_update == 'last':
            new_map = x
        else:
            new_map = (
                self.memory_weight * fused + (1 - self.memory_weight) * past)
        new_base = (
            self.base_momentum * base + (1 - self.base_momentum) * protos)
        return fused, new_map, new_base

    def _compare(self, level: int, x: Tensor, past: Tensor) -> Tensor:
        """Fuse one level in the mode 'similarity'."""
        base = getattr(self, f'mu{level}')
        protos, values = self._prototypes(x, base)
        past_protos, past_values = self._prototypes(past, protos)
        if self.training:
            self._update_base(base, protos)
        read = [(past_protos, past_values)]
        if self.with_current_readout:
            read.insert(0, (protos, values))
        candidates = [x]
        for keys, value in read:
            attention = prototype_attention(x.flatten(2), keys)
            candidates.append(
                prototype_readout(attention, value).view_as(x).to(x))
        query = at_least_fp32(self.conv_1(x))
        scores = torch.stack([
            F.cosine_similarity(query, at_least_fp32(self.conv_2(z)), dim=1)
            for z in candidates
        ])
        weights = (SIMILARITY_FACTOR * scores).softmax(dim=0)
        fused = sum(w[:, None] * z for w, z in zip(weights, candidates))
        return fused.to(x)

    def _prototypes(self, x: Tensor, start: Tensor) -> Tuple[Tensor, Tensor]:
        """Return key prototypes, without gradient, and value prototypes."""
        protos, resp = em_cluster(
            x.flatten(2), start, self.num_iters, temp=self.em_temp)
        return protos, prototype_values(self.conv_v(x).flatten(2), resp)

    @torch.no_grad()
    def _update_base(self, base: Tensor, protos: Tensor) -> None:
        mean = protos.mean(dim=0, keepdim=True)
        if get_world_size() > 1:
            all_reduce(mean, 'mean')
        base.lerp_(mean, 1 - self.base_momentum)
