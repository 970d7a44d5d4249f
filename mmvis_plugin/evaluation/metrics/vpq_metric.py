"""Metric of video panoptic segmentation over windows of frames."""
from dataclasses import dataclass
from typing import Dict, Hashable, List, Optional, Sequence

import numpy as np

from mmvis_plugin.registry import METRICS
from ..functional import PanopticFrameTable, vpq_counts, vpq_results
from .panoptic_metric import PanopticMetric


@dataclass(frozen=True)
class VPQRecord:
    """A closed video.

    Args:
        labels (np.ndarray): int64 labels that occur.
        counts (np.ndarray): float64 sum of IoU, TP, FP and FN of each.

    Shape:
        labels: (n, ); counts: (windows, n, 4).
    """
    labels: np.ndarray
    counts: np.ndarray


@METRICS.register_module()
class VPQMetric(PanopticMetric):
    """Video panoptic quality (Cityscapes-VPS, VIPER, VIPSeg).

    Predictions, annotations and ``dataset_meta`` as in
    :class:`PanopticMetric`. Returns per cent, nan where undefined: ``VPQ``,
    ``VPQ_th`` and ``VPQ_st``, means over the windows, and the same for each
    window of n frames as ``VPQ_<n>``, ``VPQ_th_<n>``, ``VPQ_st_<n>``.

    Args:
        windows (Sequence[int]): Numbers of successive annotated frames:
            (1, 2, 3, 4) for Cityscapes-VPS (the default), (1, 5, 10, 15) for
            VIPER, (1, 2, 4, 6) for VIPSeg.
        min_area (int): Annotated tubes with fewer pixels in a window are
            neither found nor missed; 1024 for VIPER. Defaults to 0.
        skip_categories (Sequence[int]): Category ids that are left out of
            the means; (11, ) for VIPER. Defaults to ().
        merge_crowd (bool): Use all crowd regions of a category, not only the
            last one as the programs of the data sets do. Defaults to False.
        classwise (bool): Add ``VPQ_<class>``, mean over the windows.
            Defaults to False.
        **kwargs: Options of :class:`PanopticMetric`.
    """

    default_prefix: Optional[str] = 'vpq'
    setting_names = ('windows', 'min_area', 'skip_categories', 'merge_crowd')

    def __init__(self,
                 windows: Sequence[int] = (1, 2, 3, 4),
                 min_area: int = 0,
                 skip_categories: Sequence[int] = (),
                 merge_crowd: bool = False,
                 classwise: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if not windows or min(windows) < 1 or len(set(windows)) < len(windows):
            raise ValueError(f'VPQMetric: windows={tuple(windows)}, expected '
                             'distinct numbers of frames above 0')
        self.windows = tuple(windows)
        self.min_area = min_area
        self.skip_categories = tuple(skip_categories)
        self.merge_crowd = merge_crowd
        self.classwise = classwise

    def reduce_tables(self, tables: List[PanopticFrameTable]) -> VPQRecord:
        """Match the tubes in all windows of a video."""
        ids = [category['id'] for category in self.categories]
        counts = vpq_counts(tables, ids, self.windows, self.min_area,
                            self.merge_crowd)
        labels = np.flatnonzero(counts.any(axis=(0, 2)))
        return VPQRecord(labels, counts[:, labels])

    def compute_from_scores(self, scores: Dict[Hashable, VPQRecord]) -> dict:
        """Sum the counts of all videos and take the means."""
        categories = self.categories
        total = np.zeros((len(self.windows), len(categories), 4))
        for record in scores.values():
            total[:, record.labels] += record.counts
        results = vpq_results(total, categories, self.windows,
                              self.skip_categories)
        del results['windows']
        if self.classwise:
            for label, category in enumerate(categories):
                alone = vpq_results(total[:, [label]], [category],
                                    self.windows)
                results[f'VPQ_{category["name"]}'] = alone['VPQ']
        return results
