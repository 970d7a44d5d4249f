"""Errors of configs become one line, others stay what they are."""
import pytest

from mmvis_plugin.utils.explain import explain_error, near_names


@pytest.mark.parametrize('text', [
    'VISMetrik is not in the mmdet::metric registry. Please check',
    'mmvis_plugin.VISMetrik is not in the mmvis_plugin::metric registry.',
])
def test_unknown_type(text):
    line = explain_error(KeyError(text))
    assert "'VISMetric'" in line and 'metric registry' in line
    assert '\n' not in line


def test_unknown_type_of_the_failed_import():
    line = explain_error(RuntimeError('Failed to get mmvis_plugin.VISMetrik'))
    assert "'VISMetric'" in line


def test_unknown_type_without_neighbour():
    line = explain_error(KeyError('Qqqqq is not in the mmdet::hook registry'))
    assert 'did you mean' not in line and 'custom_imports' in line


@pytest.mark.parametrize(
    'owner, key, near',
    [
        ('VideoVisualizationHook', "'score_thrs'", 'score_thr'),
        # Python 3.13 adds a suggestion of its own
        ('CheckpointHook', "'intervall'. Did you mean 'interval'?", 'interval'
         ),
        # the key belongs to the base class behind **kwargs
        ('VISMetric', "'collect_devise'", 'collect_device'),
    ])
def test_unknown_key(owner, key, near):
    line = explain_error(
        TypeError(f'{owner}.__init__() got an unexpected keyword argument '
                  f'{key}'))
    assert line.startswith('unknown config key') and f"'{near}'" in line


def test_unknown_key_without_neighbour_lists_the_keys():
    line = explain_error(
        TypeError("BoxDedupLoss.__init__() got an unexpected keyword "
                  "argument 'zzz'"))
    assert 'it takes' in line and "'beta'" in line


@pytest.mark.parametrize('err', [
    KeyError('plain'),
    KeyError(),
    RuntimeError('CUDA out of memory'),
    TypeError('unsupported operand'),
    TypeError("Nobody.__init__() got an unexpected keyword argument 'x'"),
    ValueError('Failed to get x'),
])
def test_other_errors(err):
    assert explain_error(err) is None


def test_near_names_ignore_case():
    assert near_names('vismetric', ['VISMetric', 'Other']) == ['VISMetric']
    assert near_names('abc', ['xyz']) == []
