"""The report names what matters for a question."""
from mmvis_plugin import __version__
from mmvis_plugin.utils.collect_env import collect_env


def test_libraries_and_their_distribution_are_named():
    env = collect_env()
    assert env['mmvis_plugin'] == __version__
    for name in ('mmengine', 'mmcv', 'mmdet'):
        distribution, version = env[name].split()[:2]
        assert distribution.endswith(name) or distribution.startswith('onedl')
        assert version[0].isdigit()
    assert env['Python'] and env['PyTorch']
    assert env['mmvis_plugin operators']
