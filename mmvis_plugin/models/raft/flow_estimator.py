"""A flow network alone: trained and tested on pairs of images."""
from typing import Dict, List, Optional, Sequence, Union

import torch
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .sequence_loss import end_point_error, sequence_loss


@MODELS.register_module()
class FlowEstimator(BaseModel):
    """Wrap a flow network for the runner.

    The network is called ``flow``, as in :class:`HybridTracker`, which can
    therefore start from the checkpoints of this model.

    Differs from the paper: HybridTracker takes published weights and does
    not train flow.

    Args:
        flow (dict): Config of the network, for example :class:`RAFT`.
        train_iters (int): Refinements in training. Defaults to 12.
        gamma (float): Of :func:`sequence_loss`. Defaults to 0.8.
        max_flow (float): Longest flow that is trained on, in pixels.
            Defaults to 400.
        data_preprocessor (dict, optional): Config of the preprocessor; the
            default one only moves data to the device.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(self,
                 flow: dict,
                 train_iters: int = 12,
                 gamma: float = 0.8,
                 max_flow: float = 400.,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.flow = MODELS.build(flow)
        self.train_iters = train_iters
        self.gamma = gamma
        self.max_flow = max_flow

    def forward(
        self,
        inputs: Union[Tensor, Sequence[Tensor]],
        data_samples: Optional[List[DetDataSample]] = None,
        mode: str = 'tensor'
    ) -> Union[Dict[str, Tensor], List[DetDataSample], Tensor]:
        """Run in one of the modes of ``BaseModel``.

        Args:
            inputs (Tensor or Sequence[Tensor]): Pairs, RGB in 0 to 255.
            data_samples (list[DetDataSample], optional): ``gt_flow`` for
                'loss'.
            mode (str): 'loss', 'predict' or 'tensor'.
                Defaults to 'tensor'.

        Returns:
            dict, list[DetDataSample] or Tensor: Losses; samples with
            ``pred_flow``; or the flow ``(B, 2, H, W)``.

        Raises:
            ValueError: If the mode is unknown or the pairs of a batch differ
                in size.

        Shape:
            - inputs: ``(B, 2, 3, H, W)``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode != 'tensor':
            raise ValueError(f"mode={mode!r}, expected 'loss', 'predict' or "
                             "'tensor'")
        return self.flow(*_stack(inputs).unbind(1))

    def predict(self, inputs: Union[Tensor, Sequence[Tensor]],
                data_samples: List[DetDataSample]) -> List[DetDataSample]:
        """Add ``pred_flow`` with ``flow`` ``(2, H, W)`` to the samples.

        Args:
            inputs (Tensor or Sequence[Tensor]): As for :meth:`forward`.
            data_samples (list[DetDataSample]): One per pair.
        """
        for sample, flow in zip(data_samples, self.forward(inputs)):
            sample.pred_flow = PixelData(flow=flow)
        return data_samples

    def loss(self, inputs: Union[Tensor, Sequence[Tensor]],
             data_samples: List[DetDataSample]) -> Dict[str, Tensor]:
        """Return the loss of all refinements and the error of the last one.

        Args:
            inputs (Tensor or Sequence[Tensor]): As for :meth:`forward`.
            data_samples (list[DetDataSample]): With ``gt_flow``.

        Returns:
            dict[str, Tensor]: ``loss_flow`` and, to be logged, ``epe``.
        """
        pairs = _stack(inputs).unbind(1)
        target = torch.stack([s.gt_flow.flow for s in data_samples])
        valid = torch.cat([s.gt_flow.valid for s in data_samples])
        flows = self.flow(*pairs, self.train_iters, return_all=True)
        loss = sequence_loss(flows, target, valid, self.gamma, self.max_flow)
        error = end_point_error(flows[-1].detach(), target, valid)
        return dict(loss_flow=loss, epe=error)


def _stack(inputs: Union[Tensor, Sequence[Tensor]]) -> Tensor:
    if isinstance(inputs, Tensor):
        return inputs
    sizes = sorted({tuple(pair.shape[-2:]) for pair in inputs})
    if len(sizes) > 1:
        raise ValueError(
            f'pairs of a batch have the sizes {sizes}, expected one (H, W); '
            'crop them with RandomCropFlowPair, or use batch_size=1')
    return torch.stack(tuple(inputs))
