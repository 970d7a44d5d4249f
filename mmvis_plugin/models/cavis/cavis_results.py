"""Results of CAVIS from the slots of a video."""
from dataclasses import dataclass
from typing import List, Sequence

from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from ..online_video_model import FrameResult
from .panoptic_tubes import PanopticTubes, tube_panoptic_postprocess
from .slot_scores import pick_instances, pick_segments
from .video_instances import LogitsOf, video_instances


@dataclass
class ResultOptions:
    """What is reported of a video.

    Attributes:
        task (str): 'vis' (instances) or 'vps' (panoptic maps).
        num_classes (int): K, without "no object".
        num_things (int): Labels below it are things.
        topk (int): Pairs of slot and class that are reported as instances:
            10 for YouTube-VIS, 20 for OVIS.
        score_thr (float): A segment has a score above it.
        overlap_thr (float): Share of its pixels that a segment must own.
        mask_thr (float): Least probability of a pixel of a segment.
    """
    task: str
    num_classes: int
    num_things: int
    topk: int = 10
    score_thr: float = 0.8
    overlap_thr: float = 0.8
    mask_thr: float = 0.5


def video_results(probs: Tensor, logits_of: LogitsOf, metas: Sequence[dict],
                  options: ResultOptions) -> List[FrameResult]:
    """Return the results of all frames of a video.

    Args:
        probs (Tensor): ``(Q, K + 1)`` of :func:`slot_class_probs`.
        logits_of (Callable): Mask logits of some slots on a frame.
        metas (Sequence[dict]): Metainfo of all frames.
        options (ResultOptions): What is reported.

    Returns:
        list: ``pred_track_instances`` per frame, whose ids are
        ``slot * K + label``, or ``pred_panoptic_seg`` with label + 1000 * id.
    """
    if options.task == 'vps':
        tubes = _panoptic(probs, logits_of, metas, options)
        return [_as_field(tubes, i) for i in range(len(tubes))]
    picks = pick_instances(probs, options.topk)
    frames = video_instances(picks, logits_of, metas)
    return [_lasting_ids(frame, options.num_classes) for frame in frames]


def frame_result(probs: Tensor, logits_of: LogitsOf, metainfo: dict,
                 options: ResultOptions) -> FrameResult:
    """Return the result of one frame when only the past is known.

    Args:
        probs (Tensor): As of :func:`video_results`, from the frames so far.
        logits_of (Callable): As of :func:`video_results`; gets index 0.
        metainfo (dict): Metainfo of the frame.
        options (ResultOptions): What is reported.

    Returns:
        InstanceData or dict: As of :func:`video_results`; an id means the
        same on each frame. A thing has slot + 1, a stuff class a number of
        its own above those.
    """
    if options.task == 'vis':
        return video_results(probs, logits_of, [metainfo], options)[0]
    tubes = _panoptic(probs, logits_of, [metainfo], options)
    ids = tubes.ids.clone()
    for segment in tubes.segments:
        number = segment['slot'] + 1 if segment['isthing'] else (
            len(probs) + 1 + segment['category'])
        ids[tubes.ids == segment['id']] = number
    tubes.ids = ids
    return _as_field(tubes, 0)


def _panoptic(probs: Tensor, logits_of: LogitsOf, metas: Sequence[dict],
              options: ResultOptions) -> PanopticTubes:
    return tube_panoptic_postprocess(
        pick_segments(probs,
                      options.score_thr), logits_of, metas, options.num_things,
        options.num_classes, options.overlap_thr, options.mask_thr)


def _as_field(tubes: PanopticTubes, frame: int) -> dict:
    return dict(pred_panoptic_seg=PixelData(sem_seg=tubes.sem_seg(frame)))


def _lasting_ids(frame: InstanceData, num_classes: int) -> InstanceData:
    """Number tracks by slot and class, not by their rank."""
    frame.instances_id = frame.slots * num_classes + frame.labels
    return frame
