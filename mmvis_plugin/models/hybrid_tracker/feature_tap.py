"""Features of a segmenter, caught on their way."""
from typing import Optional, Tuple

import torch.nn.functional as F
from torch import Tensor, nn


class FeatureTap:
    """Keeps what a module of a segmenter gave last.

    Args:
        segmentor (nn.Module, optional): The segmenter.
        name (str, optional): Its module, whose output is ``(B, C, h, w)``.

    Raises:
        ValueError: If there is no such module.
    """

    def __init__(self, segmentor: Optional[nn.Module],
                 name: Optional[str]) -> None:
        modules = dict(segmentor.named_modules()) if segmentor else {}
        if name not in modules:
            raise ValueError(
                f'feat_module={name!r} of HybridTracker, expected a module of '
                "its segmentor with roi_source='masked_feat', such as "
                "'panoptic_head.feature_encoder'")
        self.output: Optional[Tensor] = None
        # an object instead of a closure: copies of the model copy it, too
        modules[name].register_forward_hook(self)

    def __call__(self, module: nn.Module, args: tuple, output: Tensor) -> None:
        self.output = output

    def beside(self, id_map: Tensor, img_shape: Tuple[int, int],
               pad_shape: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
        """Return features and id map of the last image, of one size.

        Args:
            id_map (Tensor): ``(H, W)``, of any size.
            img_shape (tuple[int, int]): Height and width of the input
                without padding.
            pad_shape (tuple[int, int]): The same with padding.

        Returns:
            tuple[Tensor, Tensor]: ``(C, h, w)`` without the cells that are
            padding alone, and ``(h, w)``.
        """
        feats = self.output[0]
        rows, columns = (-(-side * cells // padded)
                         for side, cells, padded in zip(
                             img_shape, feats.shape[1:], pad_shape))
        id_map = F.interpolate(
            id_map[None, None].double(), size=(rows, columns))[0, 0].long()
        return feats[:, :rows, :columns], id_map
