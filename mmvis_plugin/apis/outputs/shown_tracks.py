"""The tracks of a frame that are worth a picture."""
from typing import List, NamedTuple, Optional

from mmvis_plugin.structures import RLE
from .result_writer import FrameView


class ShownTracks(NamedTuple):
    """What a frame shows.

    Attributes:
        ids (list[int]): Track ids.
        labels (list[int]): Labels.
        scores (list[float]): Scores, at the threshold or above.
        boxes (list[list[float]]): x1, y1, x2, y2 in pixels of the frame.
        masks (list[dict], optional): COCO run-length codes; None if the
            model predicts boxes alone.
    """
    ids: List[int]
    labels: List[int]
    scores: List[float]
    boxes: List[List[float]]
    masks: Optional[List[RLE]]


def shown_tracks(view: FrameView) -> ShownTracks:
    """Return the tracks that an overlay shows, too.

    Args:
        view (FrameView): A frame with ``pred_track_instances``.
    """
    found = view.sample.pred_track_instances.cpu()
    kept = (found.scores >= view.score_thr).nonzero()[:, 0].tolist()
    masks = found.get('masks')
    return ShownTracks(
        *(found[key][kept].tolist()
          for key in ('instances_id', 'labels', 'scores', 'bboxes')),
        None if masks is None else [masks[i] for i in kept])
