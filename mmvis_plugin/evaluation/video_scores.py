"""The scores of each video alone, beside those of the whole data set."""
from typing import Any, Dict, Hashable, List, Sequence, Tuple

from .metrics import VideoMetric

_MAIN = dict(
    vis=('AP', 'AP50', 'AP75', 'AR1', 'AR10'),
    boxtube=('AP', 'AP50', 'AP75', 'AR1', 'AR10'),
    # means over classes count an absent one as 0: of no use for one video
    mots=('MOTSA_overall', 'MOTSP_overall', 'IDF1_overall', 'IDSw', 'FP',
          'FN'),
    vpq=('VPQ', 'VPQ_th', 'VPQ_st'),
    stq=('STQ', 'AQ', 'SQ'))


class VideoScores:
    """Score a data set and each of its videos in one pass.

    Args:
        metrics (Sequence[VideoMetric]): They know ``dataset_meta``.
    """

    def __init__(self, metrics: Sequence[VideoMetric]) -> None:
        self.metrics = list(metrics)
        self._num_samples = 0

    def process(self, sample: dict) -> None:
        """Take in the next video or part of one.

        Args:
            sample (dict): As :meth:`VideoMetric.process` takes it.
        """
        self._num_samples += 1
        for metric in self.metrics:
            metric.process(None, [sample])

    def evaluate(
        self, video_ids: Sequence[Hashable]
    ) -> Tuple[Dict[str, float], Dict[Hashable, Dict[str, float]]]:
        """Return the main results of all videos and of each one.

        Args:
            video_ids (Sequence): Videos to score alone; they have
                annotations.

        Returns:
            tuple[dict, dict]: Name to value, the first one being the main
            one; and the same by video id.

        Raises:
            ValueError: If a video is incomplete or missing.
        """
        overall: Dict[str, float] = {}
        alone: Dict[Hashable, Dict[str, float]] = {i: {} for i in video_ids}
        for metric in self.metrics:
            records = dict(metric.results)
            total = metric.evaluate(self._num_samples)
            names = _main_names(metric, list(total))
            overall.update({name: total[name] for name in names})
            for video_id in video_ids:
                found = metric.compute_from_records(
                    {video_id: records[video_id]})
                prefix = f'{metric.prefix}/' if metric.prefix else ''
                alone[video_id].update(
                    {name: found[name[len(prefix):]]
                     for name in names})
        return overall, alone


def _main_names(metric: Any, names: List[str]) -> List[str]:
    """Return the names that say most, at most six."""
    wanted = _MAIN.get(metric.default_prefix, ())
    prefix = f'{metric.prefix}/' if metric.prefix else ''
    main = [f'{prefix}{name}' for name in wanted]
    return [name for name in main if name in names] or names[:6]
