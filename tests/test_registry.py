"""Classes of this package are found in every scope; typos get one line."""
import inspect

import mmengine.registry as root
import pytest
from mmdet import registry as mmdet_registry
from mmengine.registry import DefaultScope, Registry

from mmvis_plugin import registry
from mmvis_plugin.registry import MODELS, PluginRegistry

NODES = [
    name for name, node in vars(registry).items()
    if isinstance(node, PluginRegistry)
]


@pytest.fixture(params=['mmdet', 'mmvis_plugin'])
def scope(request):
    """Make one scope the default."""
    with DefaultScope.overwrite_default_scope(request.param):
        yield request.param


def host_nodes():
    """Return the names of mmdet's registries."""
    return [
        name for name, node in vars(mmdet_registry).items()
        if isinstance(node, Registry) and node.scope == 'mmdet'
    ]


def test_every_registry_of_mmdet_has_a_node():
    assert set(host_nodes()) == set(NODES)


@pytest.mark.parametrize('name', NODES)
def test_no_name_of_mmdet_is_taken(name):
    node = getattr(registry, name)
    for key, cls in node.module_dict.items():
        assert cls.__module__.split('.')[0] in ('mmvis_plugin', 'tests')
        assert node.host.module_dict[key] is cls, \
            f'{key} is registered by {node.host.module_dict[key].__module__}'


@pytest.mark.parametrize('prefix', ['', 'mmvis_plugin.'])
@pytest.mark.parametrize('owner', [registry, root])
def test_own_class_builds(scope, prefix, owner):
    loss = owner.MODELS.build(dict(type=f'{prefix}BoxDedupLoss'))
    assert type(loss).__module__.startswith('mmvis_plugin.')


@pytest.mark.parametrize('prefix', ['', 'mmdet.'])
@pytest.mark.parametrize('owner', [registry, root])
def test_class_of_mmdet_builds(scope, prefix, owner):
    loss = owner.MODELS.build(dict(type=f'{prefix}FocalLoss'))
    assert type(loss).__module__.startswith('mmdet.')


def test_the_host_knows_own_classes():
    own = MODELS.get('BoxDedupLoss')
    assert mmdet_registry.MODELS.get('BoxDedupLoss') is own
    assert root.MODELS.get('mmvis_plugin.BoxDedupLoss') is own


def test_the_overridden_method_of_mmengine_has_its_signature():
    for method in ('_register_module', 'get', 'build'):
        ours = inspect.signature(getattr(PluginRegistry, method))
        theirs = inspect.signature(getattr(Registry, method))
        assert list(ours.parameters) == list(theirs.parameters)


def test_the_name_of_the_host_wins():
    host = Registry('thing', scope='host')
    host.register_module(name='Taken', module=int)
    node = PluginRegistry(host, scope='guest', locations=['mmvis_plugin'])
    node.register_module(name='Taken', module=float)
    node.register_module(name=['Free', 'Second'], module=str)
    assert host.get('Taken') is int
    assert node.get('Taken') is float
    assert host.get('Free') is host.get('Second') is str


@pytest.mark.parametrize(
    'name', ['BoxDedupLos', 'mmvis_plugin.BoxDedupLos', 'boxdeduploss'])
def test_typo_lists_near_names_and_the_import_line(scope, name):
    with pytest.raises(KeyError) as info:
        MODELS.build(dict(type=name))
    message = info.value.args[0]
    assert '\n' not in message
    assert f"'{name}'" in message and "'BoxDedupLoss'" in message
    assert "custom_imports = dict(imports=['mmvis_plugin']" in message


@pytest.mark.parametrize('cls, key, near', [
    ('BoxDedupLoss', 'bata', 'beta'),
    ('FocalLoss', 'gama', 'gamma'),
])
def test_unknown_key_lists_near_keys(scope, cls, key, near):
    with pytest.raises(TypeError) as info:
        MODELS.build({'type': cls, key: 1})
    message = info.value.args[0]
    assert '\n' not in message
    assert f"unknown config key '{key}' of {cls}" in message
    assert f"'{near}'" in message


def test_other_errors_pass_unchanged(scope):
    with pytest.raises(KeyError, match='must contain the key "type"'):
        MODELS.build(dict(beta=1))
