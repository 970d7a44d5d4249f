"""Metric of segmentation and tracking quality."""
from typing import Dict, Hashable, List, Optional

from mmvis_plugin.registry import METRICS
from ..functional import PanopticFrameTable, STQRecord, stq_record, stq_results
from ..functional.stq import NUMBERINGS
from .panoptic_metric import PanopticMetric


@METRICS.register_module()
class STQMetric(PanopticMetric):
    """Segmentation and tracking quality (VIPSeg and others).

    Predictions, annotations and ``dataset_meta`` as in
    :class:`PanopticMetric`; beside a :class:`VPQMetric` each frame is counted
    once for both. Returns fractions, nan where undefined: ``STQ``, ``AQ``,
    ``SQ`` and ``mIoU``, which is SQ without the class of predicted void.

    Args:
        numbering (str): 'vipseg' (default): segments are numbered as by the
            script of VIPSeg, which takes the first segment of a video for
            crowd if it is a thing; to be compared with published numbers.
            'clean': crowd is what is annotated as crowd. The log names it.
        count_void_class (bool): Predicted void on labelled pixels counts as
            one more class of IoU 0, as in the program of the authors.
            Defaults to True.
        **kwargs: Options of :class:`PanopticMetric`.
    """

    default_prefix: Optional[str] = 'stq'
    setting_names = ('numbering', 'count_void_class')

    def __init__(self,
                 numbering: str = 'vipseg',
                 count_void_class: bool = True,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if numbering not in NUMBERINGS:
            raise ValueError(f'STQMetric: numbering={numbering!r}, expected '
                             f'one of {NUMBERINGS}')
        self.numbering = numbering
        self.count_void_class = count_void_class

    def reduce_tables(self, tables: List[PanopticFrameTable]) -> STQRecord:
        """Associate the tubes of a video and count its classes."""
        things = [c['id'] for c in self.categories if c['isthing']]
        return stq_record(tables, things, self.numbering)

    def compute_from_scores(self, scores: Dict[Hashable, STQRecord]) -> dict:
        """Join the records of all videos."""
        ids = [category['id'] for category in self.categories]
        results = stq_results(
            list(scores.values()), ids, self.count_void_class)
        return {key: results[key] for key in ('STQ', 'AQ', 'SQ', 'mIoU')}
