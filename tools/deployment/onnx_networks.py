"""What a frame costs, as networks with tensors in and tensors out."""
from dataclasses import replace
from typing import Dict, List, Tuple

import torch
from mmcv.ops import RoIAlign, roi_align
from torch import Tensor, nn

from mmvis_plugin.models.cavis import CAVIS, SegmentedFrames
from mmvis_plugin.models.inspro import InsPro
from mmvis_plugin.models.layers import StaticRoIExtractor
from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.utils.cli import UsageError

NEXT = 'next_'


class RoIAlignFunction(torch.autograd.Function):
    """mmcv's operator, written to ONNX as ``RoiAlign`` of opset 16.

    mmcv writes that of opset 10, which lacks the half pixel.
    """

    @staticmethod
    def forward(ctx, feat: Tensor, rois: Tensor, size: int, scale: float,
                sampling_ratio: int) -> Tensor:
        """Return ``(M, C, size, size)`` of boxes ``(M, 5)``."""
        return roi_align(feat, rois, (size, size), scale, sampling_ratio,
                         'avg', True)

    @staticmethod
    def symbolic(g, feat, rois, size, scale, sampling_ratio):
        """Return the node of the graph."""

        def constant(*values: int):
            return g.op('Constant', value_t=torch.tensor(values))

        def columns(first: int, last: int):
            return g.op('Slice', rois, constant(first), constant(last),
                        constant(1))

        image = g.op('Squeeze', columns(0, 1), constant(1))
        return g.op(
            'RoiAlign',
            feat,
            columns(1, 5),
            g.op('Cast', image, to_i=torch.onnx.TensorProtoDataType.INT64),
            coordinate_transformation_mode_s='half_pixel',
            mode_s='avg',
            output_height_i=size,
            output_width_i=size,
            sampling_ratio_i=sampling_ratio,
            spatial_scale_f=scale)


class ExportedRoIAlign(nn.Module):
    """The place of an aligned ``RoIAlign`` in a network to be exported.

    Args:
        layer (RoIAlign): Of mmcv.
    """

    def __init__(self, layer: RoIAlign) -> None:
        super().__init__()
        self.args = (layer.output_size[0], layer.spatial_scale,
                     layer.sampling_ratio)

    def forward(self, feat: Tensor, rois: Tensor) -> Tensor:
        """Return the features of boxes ``(M, 5)``."""
        return RoIAlignFunction.apply(feat, rois, *self.args)


class FrameNetwork(nn.Module):
    """A network that takes a frame and a state and returns the next state.

    The state is a dict of tensors. That of the next frame is among the
    outputs, as ``next_<name>``.

    Args:
        model (OnlineVideoModel): In evaluation mode, on the CPU.

    Attributes:
        first_state (dict[str, Tensor]): State before the first frame.
        results (list[str]): Names of the other outputs.
    """

    def __init__(self, model: OnlineVideoModel) -> None:
        super().__init__()
        self.model = model
        self.first_state: Dict[str, Tensor] = {}
        self.results: List[str] = []

    @property
    def input_names(self) -> List[str]:
        """list[str]: The image, then the state."""
        return ['image', *self.first_state]

    @property
    def output_names(self) -> List[str]:
        """list[str]: The results, then the next state."""
        return self.results + [NEXT + name for name in self.first_state]


class InsProFrame(FrameNetwork):
    """A frame of InsPro: all slots, and the pairs for the next frame.

    Args:
        model (InsPro): The model; its RoI layers are replaced.
        size (tuple[int, int]): Height and width of the image without its
            padding.
        is_key (bool): False: the single stage of InsPro-lite, which reads
            no bank.
    """

    def __init__(self,
                 model: InsPro,
                 size: Tuple[int, int],
                 is_key: bool = True) -> None:
        super().__init__(model)
        export_roi_layers(model.roi_head.bbox_roi_extractor)
        self.is_key = is_key
        state = model.init_state(dict(img_shape=size))
        self.register_buffer('whwh', state.whwh)
        names = ['query', 'boxes', 'bank', 'bank_valid'] if is_key \
            else ['query', 'boxes']
        self.first_state = {
            name: getattr(state, name).detach()
            for name in names if getattr(state, name) is not None
        }
        self.results = ['logits', 'pred_boxes']
        if model.roi_head.mask_head is not None:
            self.results.append('mask_logits')

    def forward(self, image: Tensor, *values: Tensor) -> Tuple[Tensor, ...]:
        """Return the results of all slots and the next state.

        Args:
            image (Tensor): ``(1, 3, H, W)``, normalised and padded.
            *values (Tensor): The state.
        """
        model, head = self.model, self.model.roi_head
        given = dict(zip(self.first_state, values))
        state = replace(model._initial_state(self.whwh), **given)
        levels, mask_feats = model._split_feats(model.encode(image))
        outs, state = head.step(levels, state, self.whwh, self.is_key)
        results = [outs.logits[:, -1], outs.boxes[:, -1]]
        if mask_feats is not None:
            results.append(
                head.mask_head(mask_feats, outs.mask_params[:, -1],
                               outs.boxes[:, -1]))
        return (*results, *(getattr(state, name) for name in given))


class CAVISFrame(FrameNetwork):
    """A frame of the segmenter of CAVIS, which has no state.

    Its outputs are the fields of :class:`SegmentedFrames`.

    Args:
        model (CAVIS): The model, of any stage.
    """

    def __init__(self, model: CAVIS) -> None:
        super().__init__(model)
        self.results = list(SegmentedFrames._fields)

    def forward(self, image: Tensor) -> Tuple[Tensor, ...]:
        """Segment ``(1, 3, H, W)``, normalised and padded."""
        return tuple(self.model.encode(image))


def export_roi_layers(extractor: StaticRoIExtractor) -> None:
    """Let an extractor use what ONNX has.

    Args:
        extractor (StaticRoIExtractor): Changed in place.
    """
    extractor.static = True
    extractor.roi_layers = nn.ModuleList(
        ExportedRoIAlign(layer) if isinstance(layer, RoIAlign) else layer
        for layer in extractor.roi_layers)


def frame_networks(model: OnlineVideoModel,
                   size: Tuple[int, int]) -> Dict[str, FrameNetwork]:
    """Return the networks of a model by what is added to the file name.

    Args:
        model (OnlineVideoModel): InsPro or CAVIS.
        size (tuple[int, int]): Height and width without padding.

    Raises:
        UsageError: For another model.
    """
    if isinstance(model, CAVIS):
        return {'': CAVISFrame(model)}
    if not isinstance(model, InsPro):
        raise UsageError(
            f'{type(model).__name__} has no network per frame with fixed '
            'shapes: how many objects it sees decides what it computes; '
            'expected InsPro or CAVIS')
    networks = {'': InsProFrame(model, size)}
    if model.roi_head.key_interval > 1:
        networks['-lite'] = InsProFrame(model, size, is_key=False)
    return networks
