"""COCO AP of the frames of videos."""
from typing import Any, Dict, Sequence

from mmdet.evaluation import CocoMetric, CocoVideoMetric

from mmvis_plugin.registry import METRICS
from .video_metric import as_dict


@METRICS.register_module()
class FrameCocoMetric(CocoVideoMetric):
    """COCO AP of masks or boxes, frame by frame (mask AP of BDD100K).

    Scores ``pred_instances`` of each annotated frame or, for models that
    give tracks alone, ``pred_track_instances``, against the metainfo
    ``instances``; ignored ones are crowd regions. Frames with
    ``has_ann=False``, except with ``format_only``, and provisional windows
    are left out.

    Differs from ``mmdet.CocoVideoMetric``: tracks are taken, and of a window
    all frames count, not the first alone. As there, the masks of all frames
    are held until the end.

    Args:
        **kwargs: Arguments of ``mmdet.CocoMetric``. For 100 detections per
            frame as in the benchmark, ``proposal_nums=(1, 10, 100)``.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take in the next samples of the model.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): Each a ``TrackDataSample`` (or its
                ``to_dict``) of a whole video, a window or one frame.

        Raises:
            ValueError: If a frame has no predictions.
        """
        for sample in map(as_dict, data_samples):
            if sample.get('provisional', False):
                continue
            for frame in map(as_dict, sample['video_data_samples']):
                if not (self.format_only or frame.get('has_ann', True)):
                    continue
                pred = frame.get('pred_instances')
                if pred is None:
                    pred = frame.get('pred_track_instances')
                if pred is None:
                    raise ValueError(
                        f'video {frame.get("video_id")}, frame '
                        f'{frame.get("frame_id")}: neither pred_instances nor '
                        'pred_track_instances, expected predictions')
                frame = dict(frame, pred_instances=as_dict(pred))
                CocoMetric.process(self, None, [frame])

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute AP from the frames of all ranks.

        Args:
            results (list): Annotation and prediction of each frame.

        Raises:
            ValueError: If there is no frame.
        """
        if not results:
            raise ValueError('FrameCocoMetric: no frame is annotated, nothing '
                             'to score; leave this metric out')
        return super().compute_metrics(results)
