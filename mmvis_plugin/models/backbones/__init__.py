"""Backbones that mmdet does not have."""
from .dinov2_vit import DINOv2ViT
from .extractor import ConvFFN, Extractor, Interaction
from .patch_kernel import resize_patch_kernel
from .spatial_prior import SpatialPrior
from .vit_adapter import ViTAdapter

__all__ = [
    'ConvFFN', 'DINOv2ViT', 'Extractor', 'Interaction', 'SpatialPrior',
    'ViTAdapter', 'resize_patch_kernel'
]
