"""From frame results and frame annotations to the tracks of a video."""
import math
from collections import defaultdict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch

from mmvis_plugin.structures.rle_tracks import RLE, RLETracks, encode_masks
from mmvis_plugin.utils.errors import AnnotationError
from .video_metric import OpenVideo, as_dict


class FrameTracks(NamedTuple):
    """What a frame adds to the tracks of its video.

    Args:
        ids (list[int]): Track id of each prediction.
        scores (list[float]): Scores.
        labels (list[int]): Labels.
        rles (list[dict]): Masks at the original size.
        instances (list[dict], optional): Annotations; None if nothing is
            known about the frame.
    """
    ids: List[int]
    scores: List[float]
    labels: List[int]
    rles: List[RLE]
    instances: Optional[List[dict]]


def read_frame(frame: dict, video: OpenVideo) -> FrameTracks:
    """Take predictions and annotations out of a frame.

    Args:
        frame (dict): ``pred_track_instances`` with instances_id, scores,
            labels and masks (run-length codes or a bool array (n, H, W) at
            the original size), and the metainfo ``instances``, ``has_ann``.
        video (OpenVideo): The video of the frame.

    Raises:
        ValueError: If predictions are missing, differ in number or are not
            at the original size.
    """
    name = f'{video.name}, frame {video.next_frame}'
    if 'pred_track_instances' not in frame:
        raise ValueError(f'{name}: pred_track_instances is missing; the model '
                         'must predict tracks')
    pred = as_dict(frame['pred_track_instances'])
    absent = {'instances_id', 'scores', 'labels', 'masks'} - set(pred)
    if absent:
        raise ValueError(
            f'{name}: pred_track_instances lacks '
            f'{sorted(absent)}; this metric needs masks of tracks')
    ids, scores, labels = (
        _to_list(pred[key]) for key in ('instances_id', 'scores', 'labels'))
    rles = _to_rles(pred['masks'])
    if not len(ids) == len(scores) == len(labels) == len(rles):
        raise ValueError(f'{name}: {len(ids)} instances_id, {len(scores)} '
                         f'scores, {len(labels)} labels and {len(rles)} '
                         'masks, expected equal numbers')
    for track, rle in zip(ids, rles):
        if rle is None:
            raise ValueError(f'{name}: track {track} has no mask; leave out '
                             'what a frame does not show')
        if tuple(rle['size']) != video.size:
            raise ValueError(f'{name}: mask of size {tuple(rle["size"])}, '
                             f'expected ori_shape {video.size}; predict at '
                             'the original size')
    instances = frame.get('instances')
    if frame.get('has_ann', instances is not None):
        instances = list(instances or [])
    else:
        instances = None
    return FrameTracks(ids, scores, labels, rles, instances)


def predicted_tracks(video: OpenVideo, label2cat: Dict[int, int],
                     track_score: str) -> List[dict]:
    """Join the frame results of a video by track id.

    Args:
        video (OpenVideo): A complete video of :class:`FrameTracks`.
        label2cat (dict[int, int]): Label to category id.
        track_score (str): 'given': score and label of a track are the same
            in all frames; 'mean': mean of the scores and most frequent label
            (of equal ones the smallest) over the frames that list the track.

    Returns:
        list[dict]: In order of first appearance: video_id, category_id,
        score and segmentations, one run-length code with text counts or
        None per frame.
    """
    tracks = RLETracks(*video.size)
    votes: Dict[int, Tuple[list, list]] = defaultdict(lambda: ([], []))
    for index, frame in enumerate(video.frames):
        try:
            tracks.append(frame.ids, frame.rles)
        except ValueError as err:
            raise ValueError(f'{video.name}: {err}') from None
        for track_id, score, label in zip(frame.ids, frame.scores,
                                          frame.labels):
            votes[track_id][0].append(score)
            votes[track_id][1].append(label)
    results = []
    for track_id in tracks.ids:
        name = f'{video.name}, track {track_id}'
        score, label = join_votes(*votes[track_id], track_score, name)
        if label not in label2cat:
            raise ValueError(f'{name}: label {label}, expected one of the '
                             f'{len(label2cat)} classes of the data set')
        results.append(
            dict(
                video_id=video.video_id,
                category_id=label2cat[label],
                score=score,
                segmentations=tracks.to_youtube_vis(track_id)))
    return results


def ground_truth_tracks(video: OpenVideo, label2cat: Dict[int,
                                                          int]) -> List[dict]:
    """Join the annotations of the annotated frames of a video by track.

    Args:
        video (OpenVideo): A complete video of :class:`FrameTracks`.
        label2cat (dict[int, int]): Label to category id.

    Returns:
        list[dict]: In order of instance id: category_id, iscrowd,
        segmentations and areas (of the annotations; the pixel count where
        they state none), one entry per annotated frame.
    """
    frames = [frame for frame in video.frames if frame.instances is not None]
    tracks = RLETracks(*video.size)
    found: Dict[int, List[Tuple[int, dict]]] = defaultdict(list)
    for index, frame in enumerate(frames):
        for instance in frame.instances:
            if instance.get('mask') is None:
                raise AnnotationError(
                    f'{video.name}: instance {instance["instance_id"]} of '
                    f'annotated frame {index} has no mask, expected one')
            found[instance['instance_id']].append((index, instance))
        try:
            tracks.append([item['instance_id'] for item in frame.instances],
                          [item['mask'] for item in frame.instances])
        except ValueError as err:
            raise AnnotationError(
                f'{video.name}, annotations: {err}') from None
    return [
        _annotated_track(tracks, instance_id, found[instance_id], label2cat,
                         video.name) for instance_id in sorted(found)
    ]


def _annotated_track(tracks: RLETracks, instance_id: int,
                     instances: Sequence[Tuple[int, dict]],
                     label2cat: Dict[int, int], name: str) -> dict:
    labels = {instance['bbox_label'] for _, instance in instances}
    if len(labels) > 1 or not labels <= set(label2cat):
        raise AnnotationError(
            f'{name}: instance {instance_id} has labels {sorted(labels)}, '
            f'expected one of the {len(label2cat)} classes of the data set')
    areas = tracks.areas(instance_id).tolist()
    for frame, instance in instances:
        if instance.get('area') is not None:
            areas[frame] = instance['area']
    return dict(
        category_id=label2cat[labels.pop()],
        iscrowd=any(item.get('ignore_flag', 0) for _, item in instances),
        segmentations=tracks.segmentations(instance_id),
        areas=areas)


def join_votes(scores: List[float], labels: List[int], rule: str,
               name: str) -> Tuple[float, int]:
    """Join the scores and labels that a track has on its frames.

    Args:
        scores (list[float]): One per frame of the track.
        labels (list[int]): The same.
        rule (str): 'given': they are equal on all frames; 'mean': mean score
            and most frequent label, the smallest of several.
        name (str): What messages call the track.

    Returns:
        tuple[float, int]: Score and label of the track.

    Raises:
        ValueError: If a score is not finite, or 'given' ones differ.
    """
    if not all(map(math.isfinite, scores)):
        raise ValueError(f'{name}: a score is not finite')
    if rule == 'mean':
        return float(np.mean(scores)), int(np.bincount(labels).argmax())
    if len(set(scores)) > 1 or len(set(labels)) > 1:
        raise ValueError(
            f'{name}: {len(set(scores))} scores and {len(set(labels))} labels '
            "over its frames, expected one of each with track_score='given'; "
            "set track_score='mean' for trackers that score frames")
    return scores[0], labels[0]


def _to_rles(masks: Any) -> List[RLE]:
    masks = getattr(masks, 'masks', masks)  # BitmapMasks
    if isinstance(masks, (torch.Tensor, np.ndarray)):
        return encode_masks(masks)
    return list(masks)


def _to_list(values: Any) -> list:
    return values.tolist() if hasattr(values, 'tolist') else list(values)
