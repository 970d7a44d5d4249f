"""All heads of PanopticFCN on a feature pyramid."""
from typing import Dict, List, Optional, Sequence, Tuple

from mmdet.structures import SampleList
from mmengine.model import BaseModule, normal_init
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from .conv_tower import ConvTower
from .image_targets import image_targets
from .inference_options import InferenceOptions
from .kernel_head import KernelHead
from .panoptic_fcn_inference import segment_image
from .panoptic_fcn_loss import panoptic_fcn_losses
from .panoptic_fcn_outputs import PanopticFCNOutputs
from .panoptic_fcn_targets import (ImageTargets, PanopticFCNTargets,
                                   build_targets)
from .panoptic_merge import PanopticSegments
from .position_head import PositionHead
from .semantic_classes import SemanticClasses
from .semantic_fpn import SemanticFPN
from .thing_targets import CENTERS

COCO_SCALES = ((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048))


@MODELS.register_module()
class PanopticFCNHead(BaseModule):
    """Things and stuff as kernels on one map of features.

    Source: PanopticFCN (CVPR 2021).

    Args:
        num_things (int): Classes of things.
        num_stuff (int): Classes of stuff.
        semantic_mode (str): Classes of the semantic map, see
            :class:`SemanticClasses`; 'merged_things' is the one of the
            published weights for COCO. Defaults to 'all'.
        in_channels (int): Channels of the pyramid P2 to P7.
            Defaults to 256.
        feat_channels (int): Channels of all layers, and values of a kernel.
            Defaults to 256.
        norm_cfg (dict): Norm of all layers but those of the encoder.
            Defaults to GN of 32 groups.
        encode_channels (int): Channels of the features. Defaults to 64.
        encode_deform (bool): Deformable convolutions in their encoder, as in
            the model with the star. Defaults to False.
        position_deform (bool): Deformable convolutions in the position head.
            Defaults to True.
        scales (Sequence[tuple[float, float]]): Range of sizes of things of
            each level, see :func:`thing_targets`. Defaults to COCO's.
        center (str): 'mass' or 'box'. Defaults to 'mass'.
        overlap (float): See :func:`center_radius`. Defaults to 0.7.
        num_positions (int): Cells per thing in training. Defaults to 7.
        position_weight (float): Factor on the position losses.
            Defaults to 1.
        mask_weight (float): Factor on the mask losses: 3 for COCO, 4 for
            Cityscapes. Defaults to 3.
        test_cfg (dict, optional): Fields of :class:`InferenceOptions`.
            Defaults to None.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(self,
                 num_things: int,
                 num_stuff: int,
                 semantic_mode: str = 'all',
                 in_channels: int = 256,
                 feat_channels: int = 256,
                 norm_cfg: dict = dict(type='GN', num_groups=32),
                 encode_channels: int = 64,
                 encode_deform: bool = False,
                 position_deform: bool = True,
                 scales: Sequence[Tuple[float, float]] = COCO_SCALES,
                 center: str = 'mass',
                 overlap: float = 0.7,
                 num_positions: int = 7,
                 position_weight: float = 1.,
                 mask_weight: float = 3.,
                 test_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if center not in CENTERS:
            raise ValueError(f'center={center!r}, expected one of {CENTERS}')
        self.num_things = num_things
        self.num_stuff = num_stuff
        self.semantic = SemanticClasses(num_things, num_stuff, semantic_mode)
        self.scales = tuple(scales)
        self.center = center
        self.overlap = overlap
        self.num_positions = num_positions
        self.position_weight = position_weight
        self.mask_weight = mask_weight
        self.test_options = InferenceOptions(**(test_cfg or {}))
        layers = dict(
            in_channels=in_channels, channels=feat_channels, norm_cfg=norm_cfg)
        self.semantic_fpn = SemanticFPN(**layers)
        self.position_head = PositionHead(
            num_things, self.semantic.num, deform=position_deform, **layers)
        self.kernel_head = KernelHead(kernel_channels=feat_channels, **layers)
        self.feature_encoder = ConvTower(
            feat_channels, encode_channels, coord=True, deform=encode_deform)
        self.thing_embed = nn.Linear(feat_channels, encode_channels)
        self.stuff_embed = nn.Linear(feat_channels, encode_channels)

    def init_weights(self) -> None:
        """Start the embeddings from a normal distribution."""
        super().init_weights()
        normal_init(self.thing_embed, std=0.01)
        normal_init(self.stuff_embed, std=0.01)

    def forward(self, feats: Sequence[Tensor]) -> PanopticFCNOutputs:
        """Return the maps of all heads.

        Args:
            feats (Sequence[Tensor]): P2 to P7 of strides 4 to 128.
        """
        centers, regions = self.position_head(feats[1:])
        kernels = self.kernel_head(feats[1:])
        encoded = self.feature_encoder(self.semantic_fpn(feats[:4]))
        return PanopticFCNOutputs(centers, regions, kernels, encoded)

    def loss(self,
             feats: Sequence[Tensor],
             batch_data_samples: SampleList,
             input_scale: int = 1) -> Dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            feats (Sequence[Tensor]): P2 to P7.
            batch_data_samples (SampleList): Annotated, see
                :func:`image_targets`.
            input_scale (int): How many times larger than the images their
                features are made for. Defaults to 1.

        Returns:
            dict[str, Tensor]: Scalars.
        """
        outputs = self(feats)
        images = [
            image_targets(sample, self.semantic,
                          outputs.encoded.device).enlarged(input_scale)
            for sample in batch_data_samples
        ]
        return self.loss_by_outputs(outputs, self.targets(outputs, images))

    def targets(self, outputs: PanopticFCNOutputs,
                images: Sequence[ImageTargets]) -> PanopticFCNTargets:
        """Build targets for maps.

        Args:
            outputs (PanopticFCNOutputs): Their sizes count.
            images (Sequence[ImageTargets]): Ground truth; ``sem`` holds
                classes of the semantic map.
        """
        return build_targets(images, tuple(outputs.encoded.shape[-2:]),
                             [tuple(x.shape[-2:]) for x in outputs.centers],
                             outputs.centers[0].size(1),
                             outputs.regions[0].size(1), self.scales,
                             self.center, self.overlap)

    def loss_by_outputs(self, outputs: PanopticFCNOutputs,
                        targets: PanopticFCNTargets) -> Dict[str, Tensor]:
        """Return the losses of maps.

        Args:
            outputs (PanopticFCNOutputs): Of :meth:`forward`.
            targets (PanopticFCNTargets): Of :meth:`targets`.
        """
        losses = panoptic_fcn_losses(outputs, targets, self.thing_embed,
                                     self.stuff_embed, self.num_positions)
        weights = dict(pos=self.position_weight, seg=self.mask_weight)
        return {
            name: weights[name.split('_')[1]] * loss
            for name, loss in losses.items()
        }

    def predict(self,
                feats: Sequence[Tensor],
                batch_data_samples: SampleList,
                rescale: bool = True,
                input_scale: int = 1) -> List[PanopticSegments]:
        """Return the segments of every image of a batch.

        Args:
            feats (Sequence[Tensor]): P2 to P7.
            batch_data_samples (SampleList): With ``img_shape`` and
                ``ori_shape``.
            rescale (bool): Whether to return maps of the original size
                instead of that of the input without padding.
                Defaults to True.
            input_scale (int): As of :meth:`loss`. Defaults to 1.
        """
        outputs = self(feats)
        results = []
        for i, sample in enumerate(batch_data_samples):
            img_shape = tuple(sample.img_shape[:2])
            content = tuple(input_scale * side for side in img_shape)
            results.append(
                segment_image(
                    PanopticFCNOutputs(
                        *([x[i] for x in part] for part in outputs[:3]),
                        outputs.encoded[i]), self.thing_embed,
                    self.stuff_embed, self.test_options,
                    self.semantic.to_label.to(outputs.encoded.device), content,
                    sample.ori_shape[:2] if rescale else img_shape))
        return results
