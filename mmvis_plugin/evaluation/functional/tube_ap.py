"""Average precision of mask tubes (YouTube-VIS, OVIS)."""
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence

import numpy as np

from mmvis_plugin.structures.rle_tracks import as_rle
from mmvis_plugin.utils.errors import AnnotationError
from .track_ap import CategoryRecord, average_area, top_detections
from .track_inputs import (check_length, count_frames, evaluate_tracks,
                           get_field, group_by_video, reduce_by_category)
from .tube_overlap import tube_areas, tube_iou


class VideoTracks(NamedTuple):
    """Checked annotations of one video."""
    tracks: List[dict]
    num_frames: int


def video_instance_ap(gt: dict,
                      pred: Sequence[dict],
                      classwise: bool = False) -> Dict[str, Any]:
    """Evaluate video instance segmentation by AP and AR of mask tubes.

    The protocol is that of the YouTube-VIS server (``ytvoseval``). Differs
    from it: what is undefined is nan and not -1; track ids do not matter (it
    never counts a track of id 0); results without a single detection are
    scored; lists that do not fit the video are an error.

    Args:
        gt (dict): YouTube-VIS annotations: ``videos`` (id, height, width and
            length or file_names), ``categories`` (id) and ``annotations``
            (video_id, category_id, segmentations; optional iscrowd, areas).
        pred (Sequence[dict]): Results: video_id, category_id, score,
            segmentations. Masks are None, or run-length codes whose counts
            are a list, bytes or str, or polygons.
        classwise (bool): Add the results of each category. Defaults to
            False.

    Returns:
        dict[str, float]: AP, AP50, AP75, AP_s, AP_m, AP_l, AR1, AR10, AR100,
        AR_s, AR_m and AR_l in 0...1, nan where no category has a track; with
        ``classwise`` also 'per_category', a dict by category id. The inputs
        are not changed.

    Raises:
        AnnotationError: If an annotation or a result names an unknown video
            or category, or does not fit its video.
    """
    return evaluate_tracks(gt, pred, classwise, _checked_track, video_records)


def video_records(tracks: Sequence[dict], results: Sequence[dict],
                  num_frames: int) -> Dict[Hashable, CategoryRecord]:
    """Reduce one video to what average precision needs of it.

    Args:
        tracks (Sequence[dict]): Ground truth of the video: category_id,
            segmentations (compressed codes or None), iscrowd and optional
            areas, which stand in for the pixel counts in the area ranges.
        results (Sequence[dict]): Detections of the video: category_id,
            score, segmentations.
        num_frames (int): Length of the video.

    Returns:
        dict: Category id to its record, for each category with a track or a
        detection.
    """
    return reduce_by_category(tracks, results, num_frames, _category_record)


def annotated_tracks(gt: dict, categories: set,
                     name: str) -> Dict[Hashable, VideoTracks]:
    """Read the tracks of each video from YouTube-VIS annotations.

    Args:
        gt (dict): YouTube-VIS annotations.
        categories (set): Ids of the categories to keep.
        name (str): What messages call the annotations, such as their file.

    Returns:
        dict: Video id to its tracks, ready for :func:`video_records`; empty
        if there are no annotations.
    """
    if gt.get('annotations') is None:
        return {}
    videos = {video['id']: video for video in get_field(gt, 'videos', name)}
    kept = [
        item for item in gt['annotations']
        if item.get('category_id') in categories
    ]
    tracks = group_by_video(kept, f'{name}: annotation', videos, categories,
                            _checked_track)
    return {
        video_id: VideoTracks(tracks[video_id], count_frames(video))
        for video_id, video in videos.items()
    }


def _category_record(tracks: List[dict], results: List[dict],
                     num_frames: int) -> CategoryRecord:
    order = top_detections([result['score'] for result in results])
    results = [results[index] for index in order]
    det_tubes = [result['segmentations'] for result in results]
    gt_tubes = [track['segmentations'] for track in tracks]
    det_areas = tube_areas(det_tubes, num_frames)
    gt_areas = tube_areas(gt_tubes, num_frames)
    stated = np.array([
        _stated_areas(track, areas) for track, areas in zip(tracks, gt_areas)
    ],
                      dtype=float).reshape(gt_areas.shape)
    return CategoryRecord(
        scores=np.array([result['score'] for result in results], dtype=float),
        det_areas=average_area(det_areas),
        ious=tube_iou(det_tubes, gt_tubes, det_areas, gt_areas),
        gt_areas=average_area(stated),
        gt_crowd=np.array([bool(track.get('iscrowd', 0)) for track in tracks],
                          dtype=bool))


def _stated_areas(track: dict, pixels: np.ndarray) -> Sequence[float]:
    if track.get('areas') is None:
        return pixels
    return [area or 0 for area in track['areas']]


def _checked_track(item: dict, video: dict, name: str) -> dict:
    """Return a copy with compressed masks that fit the video."""
    num_frames = count_frames(video)
    where = f'{name} (video {video["id"]})'
    masks = get_field(item, 'segmentations', name)
    check_length(masks, 'segmentations', num_frames, where)
    check_length(item.get('areas'), 'areas', num_frames, where)
    height = get_field(video, 'height', f'video {video["id"]}')
    width = get_field(video, 'width', f'video {video["id"]}')
    tube: List[Optional[dict]] = []
    for frame, mask in enumerate(masks):
        try:
            tube.append(as_rle(mask, height, width) if mask else None)
        except (KeyError, TypeError, ValueError) as err:
            raise AnnotationError(f'{where}, frame '
                                  f'{frame}: {err}') from None
    return {**item, 'segmentations': tube}
