"""Segmenter of CAVIS for single images."""
from typing import Any, Dict, Optional

from mmdet.models.detectors import Mask2Former
from mmengine.config import ConfigDict
from torch import Tensor

from mmvis_plugin.registry import MODELS

_CONTEXT_KEYS = ('ctx_kernel_size', 'ctx_filter', 'with_context')
_UNUSED = ('segment_head.reid_embed.', 'segment_head.ctx_conv.', 'tracker.',
           'refiner.', 'stage_record.')


@MODELS.register_module()
class CAVISImageSegmenter(Mask2Former):
    """Panoptic segmenter with the weights of CAVIS' first stage.

    Without its embeddings of contexts, the segmenter of CAVIS is Mask2Former
    and predicts what that does. So any model that asks a panoptic segmenter
    of mmdet for one frame at a time takes it, such as ``HybridTracker``.
    Names of weights are those of :class:`CAVIS`, whose checkpoints load into
    it, those of later stages too.

    Args:
        backbone (dict): As of CAVIS.
        segment_head (dict): As of CAVIS, of ``task='vps'``; what belongs to
            contexts is ignored.
        test_cfg (dict, optional): Options of mmdet's
            ``MaskFormerFusionHead`` that replace the defaults, such as
            ``object_mask_thr`` and ``iou_thr`` (0.8 both). Defaults to None.
        data_preprocessor (dict, optional): Defaults to None.
        init_cfg (dict, optional): Defaults to None.

    Examples:
        >>> segmentor = dict(
        ...     type='CAVISImageSegmenter',
        ...     backbone=cavis.model.backbone,
        ...     segment_head=cavis.model.segment_head)
    """

    def __init__(self,
                 backbone: dict,
                 segment_head: dict,
                 test_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        head = {
            key: value
            for key, value in segment_head.items() if key not in _CONTEXT_KEYS
        }
        # the head reads the weights of its classes as an attribute
        head.update(
            type='mmdet.Mask2FormerHead',  # of no other scope
            loss_cls=dict(type='CrossEntropyLoss', class_weight=None))
        classes = {
            key: head[key]
            for key in ('num_things_classes', 'num_stuff_classes')
        }
        options = dict(
            panoptic_on=True,
            semantic_on=False,
            instance_on=False,
            filter_low_score=True)
        super().__init__(
            backbone=backbone,
            panoptic_head=ConfigDict(head),
            panoptic_fusion_head=ConfigDict(
                type='MaskFormerFusionHead', loss_panoptic=None, **classes),
            test_cfg=dict(options, **(test_cfg or {})),
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self._register_load_state_dict_pre_hook(_take_cavis_names)
        self._register_state_dict_hook(_give_cavis_names)


def _take_cavis_names(state_dict: Dict[str, Tensor], prefix: str, *_:
                      Any) -> None:
    """Rename the weights of CAVIS, in place; drop what images do not need."""
    for name in [key for key in state_dict if key.startswith(prefix)]:
        if name[len(prefix):].startswith(_UNUSED):
            del state_dict[name]
    _rename(state_dict, f'{prefix}segment_head.', f'{prefix}panoptic_head.')


def _give_cavis_names(_: Any, state_dict: Dict[str, Tensor], prefix: str, *__:
                      Any) -> None:
    """Give the weights of the head the names of CAVIS, in place."""
    _rename(state_dict, f'{prefix}panoptic_head.', f'{prefix}segment_head.')


def _rename(state_dict: Dict[str, Tensor], before: str, after: str) -> None:
    for name in [key for key in state_dict if key.startswith(before)]:
        state_dict[after + name[len(before):]] = state_dict.pop(name)
