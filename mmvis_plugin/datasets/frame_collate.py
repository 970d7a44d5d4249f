"""From the record of a video to per-frame lists for the pipeline."""
from typing import Dict, Sequence


def collate_frames(video: dict, indices: Sequence[int]) -> Dict[str, list]:
    """Pick frames of a video and turn the dicts into a dict of lists.

    Args:
        video (dict): Record of a video.
        indices (Sequence[int]): Positions in ``video['images']``, in the
            order of the clip; may repeat.

    Returns:
        dict[str, list]: One entry per frame under every key. Keys of the
        video are repeated; ``video_length`` is the number of frames picked,
        ``ori_video_length`` that of the whole video.
    """
    frames = [video['images'][i] for i in indices]
    keys = dict.fromkeys(key for frame in frames for key in frame)
    results = {key: [frame.get(key) for frame in frames] for key in keys}
    shared = dict(
        video_id=video['video_id'],
        video_name=video['video_name'],
        video_length=len(frames),
        ori_video_length=video['video_length'])
    results.update({
        key: [value] * len(frames)
        for key, value in shared.items()
    })
    return results
