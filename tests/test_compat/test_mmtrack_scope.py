"""Every class is found in every scope, under one name."""
import mmengine.registry as root
import pytest
from mmdet import registry as mmdet_registry
from mmengine.registry import DefaultScope

import mmvis_plugin.compat.mmtrack_scope as scope
from mmvis_plugin import registry
from mmvis_plugin.compat.mmtrack_absent import ABSENT
from mmvis_plugin.compat.scope_alias import ScopeAlias
from mmvis_plugin.registry import PluginRegistry

NODES = [
    name for name, node in vars(registry).items()
    if isinstance(node, PluginRegistry)
]
ADAPTERS = {
    'BaseVideoDataset', 'ConcatDataset', 'ImagenetVIDDataset',
    'YouTubeVISDataset', 'EntireVideoBatchSampler', 'VideoSampler',
    'LoadTrackAnnotations', 'PackTrackInputs', 'TrackDataPreprocessor',
    'TrackVisualizationHook', 'CocoVideoMetric', 'MOTChallengeMetrics',
    'YouTubeVISMetric', 'TrackLocalVisualizer'
}


@pytest.fixture(params=['mmdet', 'mmvis_plugin', 'mmtrack'])
def default_scope(request):
    """Make one scope the default."""
    with DefaultScope.overwrite_default_scope(request.param):
        yield request.param


def own_classes(name):
    """Return the classes of this package in a registry, by their names."""
    getattr(registry, name).import_from_location()
    return {
        key: cls
        for key, cls in getattr(registry, name).module_dict.items()
        if cls.__module__.startswith('mmvis_plugin.')
    }


def test_there_is_a_node_per_registry():
    nodes = {k for k, v in vars(scope).items() if isinstance(v, ScopeAlias)}
    assert nodes == set(NODES)
    for name in NODES:
        node = getattr(scope, name)
        assert node.scope == 'mmtrack' and node.foreign is None
        assert getattr(root, name).children['mmtrack'] is node


@pytest.mark.parametrize('name', NODES)
def test_every_class_builds_in_every_scope(name, default_scope):
    node = getattr(root, name)
    for key, cls in own_classes(name).items():
        # building resolves the name here
        with node.switch_scope_and_registry(None) as found_in:
            assert found_in.scope == default_scope
            found = found_in.get(key)
            assert getattr(found, '__wrapped__', found) is cls
            prefixed = found_in.get(f'mmvis_plugin.{key}')
            assert prefixed is cls


@pytest.mark.parametrize('owner', [registry, root])
def test_objects_are_those_of_the_classes(owner, default_scope):
    built = owner.MODELS.build(dict(type='DMLLoss'))
    assert type(built) is own_classes('MODELS')['DMLLoss']
    loss = owner.MODELS.build(dict(type='FocalLoss'))
    assert type(loss).__module__.startswith('mmdet.')
    step = owner.TRANSFORMS.build(dict(type='ClipSample', num_frames=2))
    assert step.num_frames == 2


def test_a_name_means_one_thing():
    seen = {}
    for name in NODES:
        for key in own_classes(name):
            assert seen.setdefault(key, name) == name
            assert key not in ADAPTERS and key not in ABSENT
    adapters = {key for n in NODES for key in getattr(scope, n).module_dict}
    assert adapters == ADAPTERS and not adapters & set(ABSENT)


def test_other_scopes_do_not_see_the_adapters():
    for key, kind in [('YouTubeVISDataset', 'DATASETS'),
                      ('PackTrackInputs', 'TRANSFORMS'),
                      ('YouTubeVISMetric', 'METRICS')]:
        theirs = getattr(mmdet_registry, kind).get(key)
        assert theirs.__module__.startswith('mmdet.')
        assert getattr(registry, kind).get(key) is theirs
        adapter = getattr(scope, kind).get(key)
        assert adapter is getattr(root, kind).get(f'mmtrack.{key}')
        assert adapter.__module__.startswith('mmvis_plugin.compat.')
        assert getattr(scope, kind).get(f'mmdet.{key}') is theirs
    assert mmdet_registry.DATA_SAMPLERS.get('VideoSampler') is None


@pytest.mark.parametrize('name', ['SELSA', 'mmtrack.Mask2Former', 'SiamRPN'])
def test_what_is_not_offered_says_what_to_use(name):
    with DefaultScope.overwrite_default_scope('mmtrack'):
        with pytest.raises(KeyError) as info:
            root.MODELS.build(dict(type=name))
    message = info.value.args[0]
    assert '\n' not in message and name.split('.')[-1] in message
    assert 'use' in message or 'keep' in message


def test_typos_stay_none_and_python_paths_work():
    assert scope.MODELS.get('SELSAA') is None
    assert scope.MODELS.get('mmdet.SELSA') is None
    path = 'mmvis_plugin.models.losses.DMLLoss'
    assert scope.MODELS.get(path) is own_classes('MODELS')['DMLLoss']


def test_own_modules_register_as_in_mmtrack():
    from mmtrack.registry import TASK_UTILS

    @TASK_UTILS.register_module()
    class Mine:
        """A class of a user."""

    try:
        with DefaultScope.overwrite_default_scope('mmtrack'):
            assert isinstance(root.TASK_UTILS.build(dict(type='Mine')), Mine)
        assert registry.TASK_UTILS.get('Mine') is None
    finally:
        del TASK_UTILS.module_dict['Mine']
