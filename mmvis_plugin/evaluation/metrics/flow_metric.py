"""Errors of optical flow."""
from typing import Dict, List, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from mmvis_plugin.registry import METRICS

OUTLIER_PIXELS, OUTLIER_SHARE = 3., 0.05


@METRICS.register_module()
class FlowMetric(BaseMetric):
    """End-point error and outliers over all valid pixels of all pairs.

    - ``EPE``: mean length of the error in pixels.
    - ``1px``, ``3px``: percent of pixels whose error is shorter.
    - ``Fl-all``: percent of pixels whose error is longer than 3 pixels and
      than 5 % of the true flow.
    - ``zero_EPE``: EPE of no motion at all, for comparison.

    Flow that is not finite makes ``EPE`` NaN and counts as wrong elsewhere.

    Source: Fl-all is that of the KITTI 2015 benchmark.

    Args:
        collect_device (str): 'cpu' or 'gpu', where ranks exchange sums.
            Defaults to 'cpu'.
        prefix (str, optional): Prefix of the result names. None for 'flow'.
    """
    default_prefix = 'flow'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the sums of each pair.

        Args:
            data_batch (dict): Not needed.
            data_samples (Sequence[dict]): ``pred_flow.flow`` and ``gt_flow``
                with ``flow`` (2, H, W) in pixels and ``valid`` (1, H, W).
        """
        for sample in data_samples:
            truth = sample['gt_flow']
            valid = truth['valid'][0].bool().cpu().numpy()
            exact, found = (
                flow.detach().cpu().double().numpy()[:, valid]
                for flow in (truth['flow'], sample['pred_flow']['flow']))
            error = np.hypot(*(found - exact))
            length = np.hypot(*exact)
            right = (error <= OUTLIER_PIXELS) | (
                error <= OUTLIER_SHARE * length)
            self.results.append(
                np.array([
                    error.size,
                    error.sum(), (error < 1).sum(), (error < 3).sum(),
                    (~right).sum(),
                    length.sum()
                ]))

    def compute_metrics(self, results: List[np.ndarray]) -> Dict[str, float]:
        """Divide the sums by the number of pixels.

        Args:
            results (List[np.ndarray]): Sums of each pair.

        Returns:
            Dict[str, float]: See above; NaN without a valid pixel.
        """
        num, *sums = np.sum(results, axis=0)
        names = ('EPE', '1px', '3px', 'Fl-all', 'zero_EPE')
        factors = (1, 100, 100, 100, 1)
        return {
            name: float(factor * total / num) if num else float('nan')
            for name, factor, total in zip(names, factors, sums)
        }
