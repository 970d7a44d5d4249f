"""Average precision of mask tubes (YouTube-VIS, OVIS)."""
import math
from collections import defaultdict
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence

import numpy as np

from mmvis_plugin.structures.rle_tracks import as_rle
from mmvis_plugin.utils.errors import AnnotationError
from .track_ap import CategoryRecord, accumulate, average_area, top_detections
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
    if not isinstance(pred, Sequence) or isinstance(pred, (str, bytes)):
        raise AnnotationError('predictions: expected a list of results, got '
                              f'{type(pred).__name__}')
    videos = {video['id']: video for video in _get(gt, 'videos', 'gt')}
    categories = {item['id'] for item in _get(gt, 'categories', 'gt')}
    tracks = _by_video(
        gt.get('annotations') or [], 'annotation', videos, categories)
    results = _by_video(pred, 'prediction', videos, categories)
    records = [
        video_records(tracks[video_id], results[video_id],
                      _num_frames(videos[video_id]))
        for video_id in sorted(videos)
    ]
    return accumulate(records, sorted(categories), classwise)


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
    by_category = defaultdict(lambda: ([], []))
    for track in tracks:
        by_category[track['category_id']][0].append(track)
    for result in results:
        by_category[result['category_id']][1].append(result)
    return {
        category: _category_record(*pair, num_frames)
        for category, pair in by_category.items()
    }


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
    videos = {video['id']: video for video in _get(gt, 'videos', name)}
    kept = [
        item for item in gt['annotations']
        if item.get('category_id') in categories
    ]
    tracks = _by_video(kept, f'{name}: annotation', videos, categories)
    return {
        video_id: VideoTracks(tracks[video_id], _num_frames(video))
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


def _by_video(items: Sequence[dict], kind: str, videos: Dict[Hashable, dict],
              categories: set) -> Dict[Hashable, List[dict]]:
    """Check annotations or results and group them by video, in order."""
    grouped = defaultdict(list)
    for index, item in enumerate(items):
        name = f'{kind} {index}'
        video_id = _get(item, 'video_id', name)
        category = _get(item, 'category_id', name)
        if video_id not in videos:
            raise AnnotationError(
                f'{name}: video_id {video_id!r} is not among the '
                f'{len(videos)} videos of the ground truth')
        if category not in categories:
            raise AnnotationError(
                f'{name} (video {video_id}): category_id {category!r} is not '
                f'among the {len(categories)} categories of the ground truth')
        if kind == 'prediction':
            _check_score(_get(item, 'score', name), name)
        grouped[video_id].append(_checked_track(item, videos[video_id], name))
    return grouped


def _checked_track(item: dict, video: dict, name: str) -> dict:
    """Return a copy with compressed masks that fit the video."""
    num_frames = _num_frames(video)
    for key in ('segmentations', 'areas'):
        values = _get(item, key,
                      name) if key == 'segmentations' else item.get(key)
        if values is not None and len(values) != num_frames:
            raise AnnotationError(
                f'{name} (video {video["id"]}): {len(values)} {key} for '
                f'{num_frames} frames, expected one per frame, null where '
                'absent')
    height = _get(video, 'height', f'video {video["id"]}')
    width = _get(video, 'width', f'video {video["id"]}')
    tube: List[Optional[dict]] = []
    for frame, mask in enumerate(item['segmentations']):
        try:
            tube.append(as_rle(mask, height, width) if mask else None)
        except (KeyError, TypeError, ValueError) as err:
            raise AnnotationError(f'{name} (video {video["id"]}), frame '
                                  f'{frame}: {err}') from None
    return {**item, 'segmentations': tube}


def _check_score(score: Any, name: str) -> None:
    if not isinstance(score, (int, float, np.number)) or math.isnan(score):
        raise AnnotationError(f'{name}: score {score!r}, expected a number')


def _num_frames(video: dict) -> int:
    if 'file_names' in video:
        return len(video['file_names'])
    return int(_get(video, 'length', f'video {video["id"]}'))


def _get(item: dict, key: str, name: str) -> Any:
    if key not in item:
        raise AnnotationError(f'{name}: key {key!r} is missing, found '
                              f'{sorted(map(str, item))}')
    return item[key]
