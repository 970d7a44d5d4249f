"""Records of the segments of a panoptic map."""
from typing import List, Sequence


def counted_things(segments: Sequence[dict]) -> List[dict]:
    """Return the things that a network is to find.

    Args:
        segments (Sequence[dict]): ``segments_info`` of a map.

    Returns:
        list[dict]: Things that are neither crowds nor ignored, in order.
    """
    return [
        segment for segment in segments if segment['is_thing']
        and not segment.get('iscrowd') and not segment.get('ignore_flag')
    ]
