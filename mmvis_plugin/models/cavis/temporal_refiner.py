"""Temporal refiner of CAVIS, which sees the whole video."""
from typing import Callable, Optional

import torch
import torch.nn as nn
from mmdet.models.layers import MLP
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .post_norm_layers import (CrossAttentionLayer, FFNLayer,
                               SelfAttentionLayer, xavier_init)
from .slot_masks import slot_masks


@MODELS.register_module()
class TemporalRefiner(BaseModule):
    """Refine the slots of all frames of a video together.

    Each of the six layers is attention along the time of a slot, a short
    convolution along it, attention between the slots of a frame, attention to
    the queries that the segmenter found on that frame, and an FFN.

    Source: DVIS, section 3.4, which CAVIS takes over. The names of the
    parameters are those of the released weights.

    Args:
        num_classes (int): K, without "no object".
        embed_dims (int): C. Defaults to 256.
        num_heads (int): Defaults to 8.
        feedforward_channels (int): Defaults to 2048.
        num_layers (int): L. Defaults to 6.
        chunk_size (int, optional): Slots (along time) or frames (within
            them) that a layer sees at once in tests, to save memory; the
            result does not depend on it. None for all. Defaults to None.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 num_classes: int,
                 embed_dims: int = 256,
                 num_heads: int = 8,
                 feedforward_channels: int = 2048,
                 num_layers: int = 6,
                 chunk_size: Optional[int] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f'chunk_size={chunk_size}, expected at least 1, '
                             'or None for all at once')
        self.num_layers = num_layers
        self.chunk_size = chunk_size
        dims = embed_dims

        def layers(build: Callable[..., nn.Module], *args) -> nn.ModuleList:
            return nn.ModuleList(build(*args) for _ in range(num_layers))

        self.transformer_time_self_attention_layers = layers(
            SelfAttentionLayer, dims, num_heads)
        self.conv_short_aggregate_layers = layers(_short_conv, dims)
        self.conv_norms = layers(nn.LayerNorm, dims)
        self.transformer_obj_self_attention_layers = layers(
            SelfAttentionLayer, dims, num_heads)
        self.transformer_cross_attention_layers = layers(
            CrossAttentionLayer, dims, num_heads)
        self.transformer_ffn_layers = layers(FFNLayer, dims,
                                             feedforward_channels)
        self.decoder_norm = nn.LayerNorm(dims)
        self.class_embed = nn.Linear(dims, num_classes + 1)
        self.mask_embed = MLP(dims, dims, dims, 3)
        self.activation_proj = nn.Linear(dims, 1)

    def init_weights(self) -> None:
        """Initialise the layers, then whatever ``init_cfg`` says."""
        xavier_init(self.transformer_time_self_attention_layers,
                    self.transformer_obj_self_attention_layers,
                    self.transformer_cross_attention_layers,
                    self.transformer_ffn_layers)
        super().init_weights()

    def forward(self, instance_embeds: Tensor, frame_embeds: Tensor) -> Tensor:
        """Return the refined slots after the norm.

        Args:
            instance_embeds (Tensor): Slots of the tracker, last layer, after
                its norm.
            frame_embeds (Tensor): Queries of the segmenter, unordered,
                before its norm.

        Returns:
            Tensor: Slots after every layer in training, after the last layer
            (``L = 1``) in tests.

        Shape:
            - instance_embeds, frame_embeds: ``(B, T, Q, C)``.
            - output: ``(L, B, T, Q, C)``.
        """
        slots, outputs = instance_embeds, []
        for layer in range(self.num_layers):
            slots = self._along_time(layer, slots)
            slots = self._within_frames(layer, slots, frame_embeds)
            if self.training or layer + 1 == self.num_layers:
                outputs.append(slots)
        return self.decoder_norm(torch.stack(outputs))

    def predict_classes(self, embeds: Tensor) -> Tensor:
        """Return one vector of class logits per slot, "no object" last.

        Args:
            embeds (Tensor): ``(..., T, Q, C)`` of :meth:`forward`.

        Shape:
            - output: ``(..., Q, K + 1)``.
        """
        weights = self.activation_proj(embeds).softmax(dim=-3)
        return self.class_embed((weights * embeds).sum(dim=-3))

    def predict_masks(self, embeds: Tensor, mask_features: Tensor) -> Tensor:
        """Return mask logits of slots.

        Args:
            embeds (Tensor): ``(..., B, T, Q, C)`` of :meth:`forward`.
            mask_features (Tensor): ``(B, T, C, H, W)``.

        Shape:
            - output: ``(..., B, Q, T, H, W)``.
        """
        return slot_masks(self.mask_embed(embeds), mask_features)

    def _along_time(self, index: int, slots: Tensor) -> Tensor:
        """Attention and convolution along the time of each slot."""

        def run(x: Tensor) -> Tensor:
            x = self.transformer_time_self_attention_layers[index](x)
            conv = self.conv_short_aggregate_layers[index]
            short = conv(x.transpose(1, 2)).transpose(1, 2)
            return self.conv_norms[index](x + short)

        size = slots.shape[:3:2]
        slots = self._in_chunks(run, slots.transpose(1, 2).flatten(0, 1))
        return slots.unflatten(0, size).transpose(1, 2)

    def _within_frames(self, index: int, slots: Tensor,
                       frame_embeds: Tensor) -> Tensor:
        """Attention between slots and to the queries of each frame."""

        def run(x: Tensor, frame: Tensor) -> Tensor:
            x = self.transformer_obj_self_attention_layers[index](x)
            x = self.transformer_cross_attention_layers[index](x, x, frame,
                                                               frame)
            return self.transformer_ffn_layers[index](x)

        size = slots.shape[:2]
        slots = self._in_chunks(run, slots.flatten(0, 1),
                                frame_embeds.flatten(0, 1))
        return slots.unflatten(0, size)

    def _in_chunks(self, run: Callable[..., Tensor], *inputs:
                   Tensor) -> Tensor:
        if self.training or self.chunk_size is None:
            return run(*inputs)
        chunks = zip(*(x.split(self.chunk_size) for x in inputs))
        return torch.cat([run(*chunk) for chunk in chunks])


def _short_conv(dims: int) -> nn.Sequential:
    """Two convolutions along time; the ends are repeated."""
    same = dict(padding='same', padding_mode='replicate')
    return nn.Sequential(
        nn.Conv1d(dims, dims, 5, **same), nn.ReLU(inplace=True),
        nn.Conv1d(dims, dims, 3, **same))
