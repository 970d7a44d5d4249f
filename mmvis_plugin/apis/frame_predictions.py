"""Results of a frame as plain values."""
from typing import Any, Dict, List, Optional

from mmdet.structures import DetDataSample

from mmvis_plugin.evaluation.functional.panoptic_frame_table import \
    IGNORE_LABEL
from mmvis_plugin.structures import RLE, encode_index_map
from mmvis_plugin.visualization.panoptic_overlay import ID_STEP


def frame_predictions(sample: DetDataSample,
                      num_classes: Optional[int] = None) -> Dict[str, Any]:
    """Turn the result of a frame into what JSON can hold.

    Args:
        sample (DetDataSample): With ``pred_track_instances`` or
            ``pred_panoptic_seg``.
        num_classes (int, optional): Label of void in panoptic maps, next to
            255. Defaults to None.

    Returns:
        dict: ``frame_id`` and lists: ``instances_id``, ``labels``, ``scores``
        and ``bboxes`` (x1, y1, x2, y2) of tracks, and ``masks`` (COCO
        run-length codes with text counts) if there are masks. Of a panoptic
        map ``instances_id`` (-1 for none), ``labels`` and ``masks`` of its
        segments, without void.
    """
    found: Dict[str, Any] = dict(frame_id=sample.get('frame_id'))
    if 'pred_panoptic_seg' in sample:
        return dict(found, **_segments(sample, num_classes))
    tracks = sample.pred_track_instances.cpu()
    for key in ('instances_id', 'labels', 'scores', 'bboxes'):
        found[key] = tracks[key].tolist()
    if 'masks' in tracks:
        found['masks'] = [_plain(code) for code in tracks.masks]
    return found


def _segments(sample: DetDataSample,
              num_classes: Optional[int]) -> Dict[str, List]:
    values = sample.pred_panoptic_seg.sem_seg[0].cpu().numpy()
    # 0 would be the background
    values, codes = encode_index_map(values + 1)
    rows = [(int(value - 1) // ID_STEP, int(value - 1) % ID_STEP, code)
            for value, code in zip(values, codes)]
    rows = [row for row in rows if row[1] not in (num_classes, IGNORE_LABEL)]
    return dict(
        instances_id=[number or -1 for number, _, _ in rows],
        labels=[label for _, label, _ in rows],
        masks=[code for _, _, code in rows])


def _plain(code: RLE) -> RLE:
    counts = code['counts']
    if isinstance(counts, bytes):
        counts = counts.decode('ascii')
    return dict(size=[int(side) for side in code['size']], counts=counts)
