"""Losses."""
from .box_dedup_loss import (BoxDedupLoss, batched_box_dedup_loss,
                             box_dedup_loss)
from .clip_mask_loss import mask_dice_loss, mask_focal_loss
from .dml_loss import DMLLoss, differentiable_matching_loss, match_accuracy
from .embedding_contrastive_loss import (EmbeddingContrastiveLoss,
                                         embedding_contrastive_loss)
from .pcc_loss import PCCLoss, mask_prototypes, prototype_contrastive_loss
from .reference_contrastive_loss import (ReferenceContrastiveLoss,
                                         reference_contrastive_loss)
from .shared_count import shared_count, shared_mean

__all__ = [
    'BoxDedupLoss', 'DMLLoss', 'EmbeddingContrastiveLoss', 'PCCLoss',
    'ReferenceContrastiveLoss', 'batched_box_dedup_loss', 'box_dedup_loss',
    'differentiable_matching_loss', 'embedding_contrastive_loss',
    'mask_dice_loss', 'mask_focal_loss', 'mask_prototypes', 'match_accuracy',
    'prototype_contrastive_loss', 'reference_contrastive_loss', 'shared_count',
    'shared_mean'
]
