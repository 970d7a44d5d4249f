"""Metrics under the names and with the arguments of mmtrack 1.0.0rc1."""
from typing import Dict, Hashable, Optional, Sequence, Union

from mmvis_plugin.evaluation.metrics import FrameCocoMetric, VISMetric

_METRIC = 'youtube_vis_ap'
_ITEMS = {
    'mAP': 'AP',
    'mAP_50': 'AP50',
    'mAP_75': 'AP75',
    'mAP_s': 'AP_s',
    'mAP_m': 'AP_m',
    'mAP_l': 'AP_l',
    'AR@1': 'AR1',
    'AR@10': 'AR10',
    'AR@100': 'AR100',
    'AR_s@100': 'AR_s',
    'AR_m@100': 'AR_m',
    'AR_l@100': 'AR_l'
}


class YouTubeVISMetric(VISMetric):
    """AP and AR of mask tubes; results as ``youtube_vis_ap_mAP``.

    Args:
        metric (str | Sequence[str]): 'youtube_vis_ap'.
        metric_items (Sequence[str], optional): Results to return: mAP,
            mAP_50, mAP_75, mAP_s, mAP_m, mAP_l, AR@1, AR@10, AR@100,
            AR_s@100, AR_m@100, AR_l@100. None returns the first six.
        track_score (str): See :class:`VISMetric`. Defaults to 'mean', as in
            mmtrack.
        **kwargs: ``outfile_prefix``, ``format_only`` and what else
            :class:`VISMetric` takes.

    Differs from mmtrack: a submission has the category ids of the data set
    and is named ``<outfile_prefix>.submission_file.zip`` alone, values are
    not rounded, and ``dataset_meta`` has ``classes``.
    """

    default_prefix: Optional[str] = 'youtube_vis'

    def __init__(self,
                 metric: Union[str, Sequence[str]] = _METRIC,
                 metric_items: Optional[Sequence[str]] = None,
                 track_score: str = 'mean',
                 **kwargs) -> None:
        metrics = [metric] if isinstance(metric, str) else list(metric)
        if metrics != [_METRIC]:
            raise KeyError(f'metric={metric!r} of YouTubeVISMetric, expected '
                           f'{_METRIC!r}')
        self.named_items = tuple(metric_items or list(_ITEMS)[:6])
        unknown = sorted(set(self.named_items) - set(_ITEMS))
        if unknown:
            raise KeyError(f'YouTubeVISMetric: unknown metric_items {unknown},'
                           f' expected some of {tuple(_ITEMS)}')
        super().__init__(
            metric_items=[_ITEMS[name] for name in self.named_items],
            track_score=track_score,
            **kwargs)

    def compute_from_records(self, records: Dict[Hashable, object]) -> dict:
        """Return the results of :class:`VISMetric` under mmtrack's names.

        Args:
            records (dict): Record of each video.
        """
        results = super().compute_from_records(records)
        names = {_ITEMS[name]: f'{_METRIC}_{name}' for name in _ITEMS}
        return {names.get(key, key): v for key, v in results.items()}


class CocoVideoMetric(FrameCocoMetric):
    """COCO AP of frames.

    Args:
        ann_file (str, optional): Not used: annotations come with the frames.
            Defaults to None.
        **kwargs: Arguments of :class:`FrameCocoMetric`.
    """

    def __init__(self, ann_file: Optional[str] = None, **kwargs) -> None:
        super().__init__(**kwargs)
