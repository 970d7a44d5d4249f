"""Context-aware instance tracker of CAVIS."""
from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
from mmdet.models.layers import MLP
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .match_queries import check_match_mode, match_queries, reorder_slots
from .post_norm_layers import (CrossAttentionLayer, FFNLayer,
                               SelfAttentionLayer, xavier_init)
from .slot_masks import slot_masks


@dataclass
class TrackerState:
    """What the tracker carries from frame to frame of B videos.

    Attributes:
        previous (Tensor): ``(B, Q, 2C)``, queries and context-aware
            embeddings of the last frame in the order of the slots.
        queries (Tensor): ``(B, Q, C)``, what the last layer made of the
            slots, before the norm.
        contexts (Tensor): ``(B, Q, C)``, context-aware embeddings of the
            last frame, aligned with ``queries``.
    """
    previous: Tensor
    queries: Tensor
    contexts: Tensor


class TrackedFrame(NamedTuple):
    """Slots of one frame of B videos.

    Attributes:
        embeds (Tensor): ``(L, B, Q, C)``, slots after each layer and the
            norm; what the heads read.
        reference (Tensor, optional): ``(B, Q, C)``, the query of all layers;
            None on the first frame of a video.
        indices (Tensor): ``(B, Q)``, query of the segmenter that each slot
            starts from.
    """
    embeds: Tensor
    reference: Optional[Tensor]
    indices: Tensor


class TrackedClip(NamedTuple):
    """Slots of T frames of B videos.

    Attributes:
        embeds (Tensor): ``(L, B, T, Q, C)``.
        references (Tensor): ``(B, T, Q, C)``, without the first frame of a
            video, which has none.
        indices (Tensor): ``(B, T, Q)``.
    """
    embeds: Tensor
    references: Tensor
    indices: Tensor


@MODELS.register_module()
class ContextAwareTracker(BaseModule):
    """Bring the queries of each frame into the order of lasting slots.

    Slot n is object n for the whole video; the slots of a video are the
    queries of its first frame. Six layers of referring cross-attention,
    self-attention and FFN read the queries of a frame; key and query of the
    cross-attention are context-aware, the value is the plain query. The state
    is an argument and a result, so windows of any length agree.

    Source: CAVIS, section 4.1.2, Eq. 9 and 10. Differs from the paper, as the
    released code does: one linear layer makes keys and queries of a query and
    its context-aware embedding, and it is these embeddings that are aligned.
    Differs from the code: a video may begin with a window of one frame. The
    names of the parameters are those of the released weights.

    Args:
        num_classes (int): K, without "no object".
        embed_dims (int): C. Defaults to 256.
        num_heads (int): Defaults to 8.
        feedforward_channels (int): Defaults to 2048.
        num_layers (int): L. Defaults to 6.
        match_mode (str): Of :func:`match_queries`; weights of the released
            code need 'legacy'. Defaults to 'fixed'.
        context_attention (bool): False makes keys and queries of the plain
            queries alone (Table 3e). Defaults to True.
        align_context (bool): False carries the embeddings in the order in
            which the segmenter gives them (Table 3f). Defaults to True.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 num_classes: int,
                 embed_dims: int = 256,
                 num_heads: int = 8,
                 feedforward_channels: int = 2048,
                 num_layers: int = 6,
                 match_mode: str = 'fixed',
                 context_attention: bool = True,
                 align_context: bool = True,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        check_match_mode(match_mode)
        self.num_layers = num_layers
        self.match_mode = match_mode
        self.context_attention = context_attention
        self.align_context = align_context
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(embed_dims, num_heads)
            for _ in range(num_layers))
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(embed_dims, num_heads)
            for _ in range(num_layers))
        self.transformer_ffn_layers = nn.ModuleList(
            FFNLayer(embed_dims, feedforward_channels)
            for _ in range(num_layers))
        self.decoder_norm = nn.LayerNorm(embed_dims)
        self.ctx_query_embed = nn.Linear((1 + context_attention) * embed_dims,
                                         embed_dims)
        self.class_embed = nn.Linear(embed_dims, num_classes + 1)
        self.mask_embed = MLP(embed_dims, embed_dims, embed_dims, 3)

    def init_weights(self) -> None:
        """Initialise the layers, then whatever ``init_cfg`` says."""
        xavier_init(self.transformer_self_attention_layers,
                    self.transformer_cross_attention_layers,
                    self.transformer_ffn_layers)
        super().init_weights()

    def forward(
        self,
        queries: Tensor,
        contexts: Tensor,
        values: Tensor,
        state: Optional[TrackerState] = None
    ) -> Tuple[TrackedClip, TrackerState]:
        """Track the queries of the next T frames of B videos.

        Args:
            queries (Tensor): Queries of the segmenter, unordered, after its
                last norm.
            contexts (Tensor): Their context-aware embeddings.
            values (Tensor): The same queries before the norm.
            state (TrackerState, optional): What the frame before left. None
                begins the videos. Defaults to None.

        Returns:
            tuple[TrackedClip, TrackerState]: Slots and the new state.

        Shape:
            - queries, contexts, values: ``(B, T, Q, C)``.
        """
        frames = []
        for inputs in zip(*(x.unbind(1) for x in (queries, contexts, values))):
            frame, state = self.step(*inputs, state)
            frames.append(frame)
        references = [f.reference for f in frames if f.reference is not None]
        tracked = TrackedClip(
            embeds=torch.stack([f.embeds for f in frames], dim=2),
            references=torch.stack(references, dim=1)
            if references else queries[:, :0],
            indices=torch.stack([f.indices for f in frames], dim=1))
        return tracked, state

    def step(
        self,
        queries: Tensor,
        contexts: Tensor,
        values: Tensor,
        state: Optional[TrackerState] = None
    ) -> Tuple[TrackedFrame, TrackerState]:
        """Track the queries of one frame; ``state`` is not changed.

        Args:
            queries (Tensor): As of :meth:`forward`.
            contexts (Tensor): As of :meth:`forward`.
            values (Tensor): As of :meth:`forward`.
            state (TrackerState, optional): As of :meth:`forward`.

        Returns:
            tuple[TrackedFrame, TrackerState]: Slots and the new state.

        Shape:
            - queries, contexts, values: ``(B, Q, C)``.
        """
        features = torch.cat([queries, contexts], dim=-1).detach()
        key = self._attention_input(queries, contexts)
        if state is None:
            reference = None
            indices = torch.arange(queries.size(1), device=queries.device)
            indices = indices.expand(queries.shape[:2])
        else:
            reference = self._attention_input(state.queries, state.contexts)
            indices = self._match(state.previous, features)
        slots, outputs = reorder_slots(queries, indices), []
        for layer in range(self.num_layers):
            query = reference
            if reference is None:
                query = self._attention_input(slots, contexts)
            slots = self._layer(layer, slots, query, key, values)
            outputs.append(slots)
        if self.align_context:
            contexts = reorder_slots(contexts, self._match(slots, values))
        embeds = self.decoder_norm(torch.stack(outputs))
        return TrackedFrame(embeds, reference, indices), TrackerState(
            reorder_slots(features, indices), slots, contexts)

    def predict_classes(self, embeds: Tensor) -> Tensor:
        """Return class logits of slots, "no object" last.

        Args:
            embeds (Tensor): ``(..., C)`` of :meth:`forward`.

        Shape:
            - output: ``(..., K + 1)``.
        """
        return self.class_embed(embeds)

    def predict_masks(self, embeds: Tensor, mask_features: Tensor) -> Tensor:
        """Return mask logits of slots.

        Args:
            embeds (Tensor): ``(..., B, T, Q, C)`` of :meth:`forward`.
            mask_features (Tensor): ``(B, T, C, H, W)``.

        Shape:
            - output: ``(..., B, Q, T, H, W)``.
        """
        return slot_masks(self.mask_embed(embeds), mask_features)

    def _attention_input(self, queries: Tensor, contexts: Tensor) -> Tensor:
        if self.context_attention:
            queries = torch.cat([queries, contexts], dim=-1)
        return self.ctx_query_embed(queries)

    def _layer(self, index: int, identity: Tensor, query: Tensor, key: Tensor,
               value: Tensor) -> Tensor:
        slots = self.transformer_cross_attention_layers[index](identity, query,
                                                               key, value)
        slots = self.transformer_self_attention_layers[index](slots)
        return self.transformer_ffn_layers[index](slots)

    def _match(self, ref: Tensor, cur: Tensor) -> Tensor:
        return torch.stack(
            [match_queries(r, c, self.match_mode) for r, c in zip(ref, cur)])
