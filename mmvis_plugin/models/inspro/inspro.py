"""InsPro, InsPro-lite and InsPro-VID."""
from typing import Dict, List, Optional, Sequence, Tuple

from mmdet.structures import TrackDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..online_video_model import OnlineVideoModel, as_track_sample
from .inspro_network import InsProNetwork, image_whwh
from .inspro_results import TestCfg, online_instances, video_results
from .inspro_state import InsProFrameOutput, InsProState


@MODELS.register_module()
class InsPro(InsProNetwork, OnlineVideoModel):
    """Video instance segmentation by propagated query-proposal pairs.

    Source: "InsPro: Propagating Instance Query and Proposal for Online Video
    Instance Segmentation", NeurIPS 2022. InsPro-lite is this model with
    ``roi_head.key_interval > 1``; InsPro-VID has no mask parts.

    Args:
        backbone (dict): Config of the backbone.
        neck (dict): Config of the FPN.
        rpn_head (dict): Config of ``EmbeddingRPNHead``: the learned pairs.
        roi_head (dict): Config of :class:`InsProHead`.
        lite_roles (str, optional): Roles of the frames of a training clip,
            for example 'KKKNN'. Given, only the lite stage is trained, on
            the ``N`` frames, and everything else is frozen, batch norm
            statistics included. Defaults to None.
        test_cfg (dict, optional): Fields of
            :class:`~mmvis_plugin.models.inspro.inspro_results.TestCfg`.
        feat_chunk (int): Frames encoded at once. Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 backbone: dict,
                 neck: dict,
                 rpn_head: dict,
                 roi_head: dict,
                 lite_roles: Optional[str] = None,
                 test_cfg: Optional[dict] = None,
                 feat_chunk: int = 1,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            feat_chunk=feat_chunk,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self._build_network(backbone, neck, rpn_head, roi_head)
        self.test_cfg = TestCfg(**(test_cfg or {}))
        self.lite_roles = lite_roles
        if lite_roles is not None:
            self._check_lite()
            for name, param in self.named_parameters():
                param.requires_grad_(name.startswith('roi_head.lite_head.'))

    def _check_lite(self) -> None:
        if self.roi_head.lite_head is None:
            raise ValueError(f'lite_roles={self.lite_roles!r} needs '
                             'roi_head.lite_head=True')
        if set(self.lite_roles) != {'K', 'N'} or self.lite_roles[0] != 'K':
            raise ValueError(f'lite_roles={self.lite_roles!r}, expected '
                             "letters K and N, K first, such as 'KKKNN'")

    def train(self, mode: bool = True) -> 'InsPro':
        """Switch the mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        if mode and self.lite_roles is not None:
            for module in self.children():
                module.eval()
            self.roi_head.lite_head.train()
        return self

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        """Start a lite stage the weights lack as a copy of the last stage.

        Differs from the paper, which does not say how it starts.
        """
        head = self.roi_head
        last = f'{prefix}roi_head.bbox_head.{len(head.bbox_head) - 1}.'
        here = f'{prefix}roi_head.lite_head.'
        if head.lite_head is not None and not any(
                key.startswith(here) for key in state_dict):
            state_dict.update({
                here + key[len(last):]: value
                for key, value in list(state_dict.items())
                if key.startswith(last)
            })
        super()._load_from_state_dict(state_dict, prefix, *args)

    def loss(self, inputs: Tensor, data_samples: List[TrackDataSample],
             **kwargs) -> Dict[str, Tensor]:
        """Losses of training clips.

        Args:
            inputs (Tensor): ``(B, T, 3, H, W)``, normalised and padded.
            data_samples (list[TrackDataSample]): ``B`` clips with
                ``gt_instances`` (bboxes, labels, instances_ids, masks).

        Returns:
            dict[str, Tensor]: ``s{stage}.loss_*``, or ``lite0.loss_*``.
        """
        roles = self.lite_roles or 'K' * inputs.size(1)
        if len(roles) != inputs.size(1):
            raise ValueError(
                f'lite_roles={roles!r} names {len(roles)} frames, the clips '
                f'have {inputs.size(1)}: set ClipSample.num_frames to match')
        return self._clip_loss(inputs, data_samples, roles)

    def init_state(self, metainfo: dict) -> InsProState:
        """Return the state before the first frame of a video."""
        weight = self.rpn_head.init_proposal_bboxes.weight
        return self._initial_state(image_whwh([metainfo], weight.device))

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: InsProState) -> Tuple[InsProFrameOutput, InsProState]:
        """Process one encoded frame; see the base class."""
        return self._advance(feats, metainfo, state)

    def online_result(self, output: InsProFrameOutput,
                      state: InsProState) -> InstanceData:
        """Return the best slots of one frame with its own scores."""
        return online_instances(output, self.test_cfg, self.roi_head.mask_head)

    def finish(self, outputs: List[InsProFrameOutput],
               state: InsProState) -> TrackDataSample:
        """Return the tracks of a whole video."""
        return as_track_sample([o.metainfo for o in outputs],
                               video_results(outputs, self.test_cfg,
                                             self.roi_head.mask_head))
