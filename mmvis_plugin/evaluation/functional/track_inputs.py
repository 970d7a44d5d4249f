"""Checking and grouping of YouTube-VIS annotations and results."""
import math
from collections import defaultdict
from typing import Any, Callable, Dict, Hashable, List, Sequence

import numpy as np

from mmvis_plugin.utils.errors import AnnotationError
from .track_ap import CategoryRecord, accumulate

# (item, its video, name in messages) -> the item as it is evaluated
CheckTrack = Callable[[dict, dict, str], dict]
# (tracks, results, number of frames), one category -> its record
Reduce = Callable[[List[dict], List[dict], int], CategoryRecord]
# (tracks, results, number of frames), one video -> its records
ReduceVideo = Callable[[Sequence[dict], Sequence[dict], int],
                       Dict[Hashable, CategoryRecord]]


def evaluate_tracks(gt: dict, pred: Sequence[dict], classwise: bool,
                    check_track: CheckTrack,
                    reduce_video: ReduceVideo) -> Dict[str, Any]:
    """Check both sides, reduce every video, accumulate.

    Args:
        gt (dict): ``videos``, ``categories`` and ``annotations``.
        pred (Sequence[dict]): Results.
        classwise (bool): Add the results of each category.
        check_track (callable): What is special to the form of the tubes.
        reduce_video (callable): From tracks and results to records.

    Returns:
        dict: Of :func:`accumulate`.

    Raises:
        AnnotationError: If an annotation or a result names an unknown video
            or category, or does not fit its video.
    """
    if not isinstance(pred, Sequence) or isinstance(pred, (str, bytes)):
        raise AnnotationError('predictions: expected a list of results, got '
                              f'{type(pred).__name__}')
    videos = {video['id']: video for video in get_field(gt, 'videos', 'gt')}
    categories = {item['id'] for item in get_field(gt, 'categories', 'gt')}
    tracks = group_by_video(
        gt.get('annotations') or [], 'annotation', videos, categories,
        check_track)
    results = group_by_video(pred, 'prediction', videos, categories,
                             check_track)
    records = [
        reduce_video(tracks[video_id], results[video_id],
                     count_frames(videos[video_id]))
        for video_id in sorted(videos)
    ]
    return accumulate(records, sorted(categories), classwise)


def reduce_by_category(tracks: Sequence[dict], results: Sequence[dict],
                       num_frames: int,
                       reduce: Reduce) -> Dict[Hashable, CategoryRecord]:
    """Reduce each category of a video that has a track or a detection.

    Args:
        tracks (Sequence[dict]): Ground truth of the video.
        results (Sequence[dict]): Detections of the video.
        num_frames (int): Length of the video.
        reduce (callable): From those of one category to its record.

    Returns:
        dict: Category id to its record.
    """
    by_category = defaultdict(lambda: ([], []))
    for track in tracks:
        by_category[track['category_id']][0].append(track)
    for result in results:
        by_category[result['category_id']][1].append(result)
    return {
        category: reduce(*pair, num_frames)
        for category, pair in by_category.items()
    }


def group_by_video(items: Sequence[dict], kind: str,
                   videos: Dict[Hashable, dict], categories: set,
                   check_track: CheckTrack) -> Dict[Hashable, List[dict]]:
    """Check annotations or results and group them by video, in order.

    Args:
        items (Sequence[dict]): Annotations or results.
        kind (str): What messages call them; 'prediction' asks for a score.
        videos (dict): Video id to video.
        categories (set): Ids that may occur.
        check_track (callable): See :func:`evaluate_tracks`.

    Returns:
        dict: Video id to its items, empty lists where there are none.

    Raises:
        AnnotationError: If an item breaks its format.
    """
    grouped = defaultdict(list)
    for index, item in enumerate(items):
        name = f'{kind} {index}'
        video_id = get_field(item, 'video_id', name)
        category = get_field(item, 'category_id', name)
        if video_id not in videos:
            raise AnnotationError(
                f'{name}: video_id {video_id!r} is not among the '
                f'{len(videos)} videos of the ground truth')
        if category not in categories:
            raise AnnotationError(
                f'{name} (video {video_id}): category_id {category!r} is not '
                f'among the {len(categories)} categories of the ground truth')
        if kind == 'prediction':
            score = get_field(item, 'score', name)
            if not is_number(score) or math.isnan(score):
                raise AnnotationError(
                    f'{name}: score {score!r}, expected a number')
        grouped[video_id].append(check_track(item, videos[video_id], name))
    return grouped


def check_length(values: Any, key: str, num_frames: int, name: str) -> None:
    """Raise unless a list is absent (None) or has one entry per frame.

    Args:
        values (Sequence or None): The list.
        key (str): Its key.
        num_frames (int): Length of the video.
        name (str): What the message calls its owner.
    """
    if values is not None and len(values) != num_frames:
        raise AnnotationError(
            f'{name}: {len(values)} {key} for {num_frames} frames, expected '
            'one per frame, null where absent')


def is_number(value: Any) -> bool:
    """Whether a value is a number of Python or NumPy."""
    return isinstance(value, (int, float, np.number))


def count_frames(video: dict) -> int:
    """Return the length of a video, from its file names or as stated."""
    if 'file_names' in video:
        return len(video['file_names'])
    return int(get_field(video, 'length', f'video {video["id"]}'))


def get_field(item: dict, key: str, name: str) -> Any:
    """Return ``item[key]``; a missing key is an error that names its owner.

    Args:
        item (dict): Record.
        key (str): Key that has to be there.
        name (str): What the message calls the record.

    Raises:
        AnnotationError: If the key is missing.
    """
    if key not in item:
        raise AnnotationError(f'{name}: key {key!r} is missing, found '
                              f'{sorted(map(str, item))}')
    return item[key]
