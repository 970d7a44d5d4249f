"""Segmenter of CAVIS: Mask2Former with context-aware embeddings."""
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet.models.dense_heads import Mask2FormerHead
from mmengine.config import ConfigDict
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .context_embed import ContextEmbed
from .surrounding_features import check_context_filter, surrounding_features


class SegmentedFrames(NamedTuple):
    """What the segmenter finds on F frames, each by itself.

    Attributes:
        cls_logits (Tensor): ``(F, Q, K + 1)``, "no object" last.
        mask_logits (Tensor): ``(F, Q, h, w)``.
        queries (Tensor): ``(F, Q, C)``, after the norm of the decoder.
        raw_queries (Tensor): ``(F, Q, C)``, before it.
        contexts (Tensor): ``(F, Q, C)``, context-aware embeddings.
        mask_features (Tensor): ``(F, C, h, w)``, pixel embeddings.
    """
    cls_logits: Tensor
    mask_logits: Tensor
    queries: Tensor
    raw_queries: Tensor
    contexts: Tensor
    mask_features: Tensor


@MODELS.register_module()
class CAVISHead(Mask2FormerHead):
    """Mask2Former head that also gives what identities are made of.

    Frames are independent images. The losses are those of
    :class:`SlotCriterion`; the head has none of its own. The names of the
    parameters are those of ``Mask2FormerHead``, and of ``reid_embed`` in the
    released code of CAVIS.

    Source: CAVIS, section 4.1.1, Eq. 5 to 7.

    Args:
        ctx_kernel_size (int): Side of the averaging filter, in pixels of
            stride 4. Defaults to 9.
        ctx_filter (str): Mode of :func:`surrounding_features`; weights of
            the released code need 'channel_sum'. Or 'learnable' (Table 3d):
            weights per channel that begin as the average. Defaults to 'avg'.
        with_context (bool): False embeds zeros in place of the surroundings.
            Defaults to True.
        **kwargs: Of ``Mask2FormerHead``, without losses, ``train_cfg`` and
            ``test_cfg``.
    """

    def __init__(self,
                 *args,
                 ctx_kernel_size: int = 9,
                 ctx_filter: str = 'avg',
                 with_context: bool = True,
                 **kwargs) -> None:
        super().__init__(
            *args,
            # the base class reads it as an attribute
            loss_cls=ConfigDict(type='CrossEntropyLoss', class_weight=None),
            **kwargs)
        learnable = ctx_filter == 'learnable'
        check_context_filter(ctx_kernel_size,
                             'avg' if learnable else ctx_filter)
        self.ctx_kernel_size = ctx_kernel_size
        self.ctx_filter = ctx_filter
        self.with_context = with_context
        self.ctx_conv: Optional[nn.Conv2d] = None
        if learnable:
            self.ctx_conv = _average_conv(self.decoder_embed_dims,
                                          ctx_kernel_size)
        self.reid_embed = ContextEmbed(self.decoder_embed_dims)

    def forward(
        self, feats: Sequence[Tensor]
    ) -> Tuple[SegmentedFrames, List[Tuple[Tensor, Tensor]]]:
        """Segment frames.

        Args:
            feats (Sequence[Tensor]): Pyramid of F frames.

        Returns:
            tuple: :class:`SegmentedFrames` of the last layer, and class and
            mask logits of every layer, the initial queries first.
        """
        mask_features, memories = self.pixel_decoder(feats)
        inputs, positions = self._decoder_inputs(memories)
        sizes = [memory.shape[-2:] for memory in memories]
        num_frames, num_levels = len(mask_features), len(sizes)
        queries = self.query_feat.weight.expand(num_frames, -1, -1)
        query_pos = self.query_embed.weight.expand(num_frames, -1, -1)

        *logits, attn_mask = self._forward_head(queries, mask_features,
                                                sizes[0])
        layers = [tuple(logits)]
        for index, layer in enumerate(self.transformer_decoder.layers):
            level = index % num_levels
            # a query that may attend to nothing attends to everything
            attn_mask = attn_mask & ~attn_mask.all(dim=-1, keepdim=True)
            queries = layer(
                query=queries,
                key=inputs[level],
                value=inputs[level],
                query_pos=query_pos,
                key_pos=positions[level],
                cross_attn_mask=attn_mask,
                query_key_padding_mask=None,
                key_padding_mask=None)
            *logits, attn_mask = self._forward_head(
                queries, mask_features, sizes[(index + 1) % num_levels])
            layers.append(tuple(logits))
        normed = self.transformer_decoder.post_norm(queries)
        contexts = self.embed_contexts(normed, mask_features, layers[-1][1])
        return SegmentedFrames(*layers[-1], normed, queries, contexts,
                               mask_features), layers

    def embed_contexts(self, queries: Tensor, mask_features: Tensor,
                       mask_logits: Tensor) -> Tensor:
        """Return the context-aware embeddings of queries.

        Args:
            queries (Tensor): ``(F, Q, C)``, after the norm.
            mask_features (Tensor): ``(F, C, h, w)``.
            mask_logits (Tensor): ``(F, Q, h, w)``.

        Shape:
            - output: ``(F, Q, C)``.
        """
        if self.with_context and self.ctx_conv is not None:
            with torch.autocast(mask_features.device.type, enabled=False):
                smooth = self.ctx_conv(at_least_fp32(mask_features))
            around = surrounding_features(smooth, mask_logits, kernel_size=1)
        elif self.with_context:
            around = surrounding_features(mask_features, mask_logits,
                                          self.ctx_kernel_size,
                                          self.ctx_filter)
        else:
            around = torch.zeros_like(queries)
        return self.reid_embed(queries, around.to(queries))

    def _decoder_inputs(
            self,
            memories: Sequence[Tensor]) -> Tuple[List[Tensor], List[Tensor]]:
        """Return rows of features and positions of each level."""
        inputs, positions = [], []
        for level, memory in enumerate(memories):
            rows = self.decoder_input_projs[level](memory).flatten(2)
            inputs.append(
                rows.transpose(1, 2) + self.level_embed.weight[level])
            # as in mmdet, padding is no obstacle to attention
            nothing = memory.new_zeros((len(memory), *memory.shape[-2:]),
                                       dtype=torch.bool)
            position = self.decoder_positional_encoding(nothing)
            positions.append(position.flatten(2).transpose(1, 2))
        return inputs, positions


def _average_conv(channels: int, kernel_size: int) -> nn.Conv2d:
    """Return a convolution per channel that averages a window."""
    conv = nn.Conv2d(
        channels,
        channels,
        kernel_size,
        padding=kernel_size // 2,
        groups=channels,
        bias=False)
    nn.init.constant_(conv.weight, 1 / kernel_size**2)
    return conv
