"""Published weights of CAVIS, DVIS and Mask2Former as those of CAVIS here."""
from typing import Dict, Mapping, NamedTuple, Optional

from mmdet.models.backbones.swin import WindowMSA, swin_converter
from torch import Tensor

from mmvis_plugin.utils.convert_weights import Conversion, rename_weights
from ..backbones import resize_patch_kernel
from .weight_names import is_constant, plugin_name

VIT = 'backbone.vit_module.'
PATCH_KERNEL = 'patch_embed.proj.weight'
_PATCH_SIZE = (16, 16)


def convert_official(weights: Mapping[str, Tensor]) -> Conversion:
    """Bring the weights of a published file into our names.

    Takes files of Mask2Former, DVIS and CAVIS with ResNet, Swin and
    ViT-Adapter backbones, and those of a DINOv2 ViT alone, whose patches of
    14 pixels are resized to 16.

    Args:
        weights (Mapping[str, Tensor]): Under the names of the file.

    Returns:
        Conversion: Renamed weights; names that no rule knows are left out.

    Raises:
        CheckpointError: If two weights get one name.
    """
    weights = {k: v for k, v in weights.items() if not is_constant(k)}
    if PATCH_KERNEL in weights and 'blocks.0.norm1.weight' in weights:
        weights = {VIT + name: value for name, value in weights.items()}
    swin = {}
    if any(name.startswith('backbone.layers.') for name in weights):
        swin = _swin_weights(weights)
        weights = {
            k: v
            for k, v in weights.items() if not k.startswith('backbone.')
        }
    found = rename_weights(weights, plugin_name)
    found.weights.update(swin)
    kernel = found.weights.get(VIT + PATCH_KERNEL)
    if kernel is not None:
        found.weights[VIT + PATCH_KERNEL] = resize_patch_kernel(
            kernel, _PATCH_SIZE)
    return found


def _swin_weights(weights: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Return the tensors of a Swin backbone, with mmdet's constants."""
    prefix = 'backbone.'
    swin = dict(
        swin_converter({
            name[len(prefix):]: value
            for name, value in weights.items() if name.startswith(prefix)
        }))
    table = 'relative_position_bias_table'
    for name in [name for name in swin if name.endswith(table)]:
        # (2 w - 1)^2 rows for windows of w x w
        side = (round(len(swin[name])**0.5) + 1) // 2
        index = WindowMSA(1, 1, (side, side)).relative_position_index
        swin[name.replace(table, 'relative_position_index')] = index
    return swin


class ContextColumns(NamedTuple):
    """What the first layer of the fusion tells of the filter it was
    trained with.

    Attributes:
        std (float): Standard deviation of the context columns from the mean
            of their row.
        drawn_std (float): The same of weights that are just drawn.
        kurtosis (float): Of the deviations: 1.8 for a uniform distribution,
            3 for a normal one.
        ctx_filter (str, optional): 'channel_sum' or 'avg'; None if the
            numbers do not tell.
    """
    std: float
    drawn_std: float
    kurtosis: float
    ctx_filter: Optional[str]


def inspect_columns(weight: Tensor) -> ContextColumns:
    """Tell which filter of the surroundings weights were trained with.

    Under 'channel_sum' all channels of the surroundings are equal, so the
    columns of one row get equal gradients: their deviations stay those of
    the uniform draw, shrunk by the weight decay. Under 'avg' each column
    learns by itself.

    Args:
        weight (Tensor): Of ``reid_embed.layers.0``, before or after training.

    Returns:
        ContextColumns: Numbers and verdict.

    Shape:
        - weight: ``(C, 2 C)``, the columns of the query first.
    """
    columns = weight.double().chunk(2, dim=1)[1]
    deviations = columns - columns.mean(dim=1, keepdim=True)
    variance = deviations.square().mean()
    kurtosis = (deviations**4).mean() / variance.square().clamp(min=1e-30)
    # Kaiming with a = 1 draws from +-(3 / inputs)^0.5
    drawn = weight.size(1)**-0.5
    ctx_filter: Optional[str] = None
    if variance.sqrt() > 1.02 * drawn or kurtosis > 2.1:
        ctx_filter = 'avg'
    elif kurtosis < 1.9:
        ctx_filter = 'channel_sum'
    return ContextColumns(
        float(variance.sqrt()), drawn, float(kurtosis), ctx_filter)
