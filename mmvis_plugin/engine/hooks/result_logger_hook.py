"""Log results in a way that two of them can be compared."""
import os.path as osp
from typing import Dict, Optional

from mmengine.dist import master_only
from mmengine.fileio import dump, load
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from mmvis_plugin.evaluation.metrics import VideoMetric
from mmvis_plugin.registry import HOOKS


@HOOKS.register_module()
class ResultLoggerHook(LoggerHook):
    """``LoggerHook`` whose file of test results says how they came about.

    Next to the results, ``<timestamp>/<timestamp>.json`` gets the
    ``settings`` of each metric: options such as the numbering of segments,
    without which two numbers cannot be compared.

    Differs from ``LoggerHook``: one process writes the file. There all write
    it at the same time, which can leave it broken.

    Args of the constructor are those of ``mmengine.hooks.LoggerHook``.
    """

    @master_only
    def after_test_epoch(self,
                         runner: Runner,
                         metrics: Optional[Dict[str, float]] = None) -> None:
        """Write the results.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): Results by name. Defaults to None.
        """
        super().after_test_epoch(runner, metrics)
        path = osp.join(runner.log_dir, self.json_log_path)
        settings = {
            type(metric).__name__: metric.settings
            for metric in runner.test_evaluator.metrics
            if isinstance(metric, VideoMetric)
        }
        dump(dict(load(path), settings=settings), path)
