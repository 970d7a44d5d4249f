"""Which frames, tracks and videos are used for training."""
from collections import Counter
from typing import List

DEFAULT_FILTERS = dict(
    filter_empty_gt=True,
    min_size=32,
    min_frames=1,
    min_track_len=1,
    max_frames=None,
    video_names=None)


def resolve_filters(filter_cfg: dict) -> dict:
    """Fill in the defaults of ``filter_cfg``.

    Args:
        filter_cfg (dict): Any of the keys of ``DEFAULT_FILTERS``.

    Raises:
        KeyError: If a key is unknown.
    """
    unknown = sorted(set(filter_cfg) - set(DEFAULT_FILTERS))
    if unknown:
        raise KeyError(f'filter_cfg has unknown keys {unknown}, expected '
                       f'some of {sorted(DEFAULT_FILTERS)}')
    return {**DEFAULT_FILTERS, **filter_cfg}


def has_target(image: dict) -> bool:
    """Return whether a frame has something to learn from.

    Args:
        image (dict): Frame record; counts instances that are not ignored
            and segments of panoptic maps.
    """
    return bool(image.get('segments_info')) or any(
        not instance['ignore_flag'] for instance in image['instances'])


def filter_videos(videos: List[dict], filter_cfg: dict,
                  drops: Counter) -> List[dict]:
    """Apply the filter rules; videos and frames are changed in place.

    Args:
        videos (list[dict]): Records of the dataset.
        filter_cfg (dict): Result of :func:`resolve_filters`.
        drops (Counter): Counts what is left out, by reason.

    Returns:
        list[dict]: Videos that have frames left.
    """
    names = filter_cfg['video_names']
    names = None if names is None else set(names)
    kept = []
    for video in videos:
        if names is not None and video['video_name'] not in names:
            drops['video not in video_names'] += 1
            continue
        _filter_frames(video, filter_cfg, drops)
        if len(video['images']) < max(1, filter_cfg['min_frames']):
            drops['video with too few frames left'] += 1
            continue
        kept.append(video)
    return kept


def _filter_frames(video: dict, filter_cfg: dict, drops: Counter) -> None:
    images = video['images'][:filter_cfg['max_frames']]
    drops['frame beyond max_frames'] += len(video['images']) - len(images)
    large = [
        image for image in images
        if min(image['height'], image['width']) >= filter_cfg['min_size']
    ]
    drops['frame smaller than min_size'] += len(images) - len(large)
    _ignore_short_tracks(large, filter_cfg['min_track_len'], drops)
    if filter_cfg['filter_empty_gt']:
        images = [image for image in large if has_target(image)]
        drops['frame without an instance'] += len(large) - len(images)
    else:
        images = large
    for frame_id, image in enumerate(images):
        image['frame_id'] = frame_id
    video['images'] = images
    video['video_length'] = len(images)


def _ignore_short_tracks(images: List[dict], min_track_len: int,
                         drops: Counter) -> None:
    lengths = Counter(thing['instance_id'] for image in images
                      for thing in _things(image))
    short = {track for track, n in lengths.items() if n < min_track_len}
    for image in images if short else ():
        for thing in _things(image):
            if thing['instance_id'] in short:
                thing['ignore_flag'] = 1
    drops['track shorter than min_track_len (ignored)'] += len(short)


def _things(image: dict) -> List[dict]:
    """Return instances and thing segments that are not ignored."""
    return [
        instance
        for instance in image['instances'] if not instance['ignore_flag']
    ] + [
        segment for segment in image.get('segments_info') or ()
        if segment.get('is_thing') and not segment.get('iscrowd')
    ]
