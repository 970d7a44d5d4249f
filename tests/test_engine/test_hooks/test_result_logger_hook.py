import json
from types import SimpleNamespace
from unittest import mock

import pytest
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from mmvis_plugin.evaluation import VISMetric
from mmvis_plugin.registry import HOOKS
from ... import toy_training  # noqa: F401  (registers CountBatches)


@pytest.fixture
def runner(tmp_path):
    """Return what the hook looks at; NaN is a result, too."""
    results = {'vis/AP': .25, 'vis/AP_l': float('nan')}
    processor = SimpleNamespace(
        get_log_after_epoch=lambda *_, **__: (results, 'text'))
    return SimpleNamespace(
        log_processor=processor,
        logger=MMLogger('results'),
        log_dir=str(tmp_path),
        timestamp='now',
        test_dataloader=[],
        test_evaluator=Evaluator(
            [VISMetric(track_score='mean'),
             dict(type='CountBatches')]))


@pytest.mark.parametrize('rank', [0, 1])
def test_the_main_process_writes_results_and_settings(runner, tmp_path, rank):
    hook = HOOKS.build(dict(type='ResultLoggerHook'))
    hook.json_log_path = 'now.json'
    with mock.patch('mmengine.dist.utils.get_rank', return_value=rank):
        hook.after_test_epoch(runner)
    path = tmp_path / 'now.json'
    if rank > 0:
        assert not path.exists()
        return
    content = json.loads(path.read_text())
    assert content.pop('vis/AP_l') != 0
    assert content == {
        'vis/AP': .25,
        'settings': dict(VISMetric=dict(track_score='mean'))
    }
