"""Losses."""
from .box_dedup_loss import (BoxDedupLoss, batched_box_dedup_loss,
                             box_dedup_loss)
from .clip_mask_loss import mask_dice_loss, mask_focal_loss

__all__ = [
    'BoxDedupLoss', 'batched_box_dedup_loss', 'box_dedup_loss',
    'mask_dice_loss', 'mask_focal_loss'
]
