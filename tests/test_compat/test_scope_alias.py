"""Names of a foreign scope, with and without its own registry."""
import pytest
from mmengine.registry import Registry

from mmvis_plugin.compat.scope_alias import DatasetScopeAlias, ScopeAlias
from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.registry import PluginRegistry

HERE = __name__


@pytest.fixture
def nodes():
    """Return a root, a library's node, ours, and a foreign package's."""
    root = Registry('thing', scope='mmengine', locations=['json'])
    library = Registry('thing', scope='mmdet', parent=root, locations=['json'])
    ours = PluginRegistry(library, scope='ours', locations=['json'])
    foreign = Registry(
        'thing', scope='theirs', parent=root, locations=['json'])
    root.register_module(name='Root', module=complex)
    for name in ('Library', 'Shared', 'Gone'):
        library.register_module(name=name, module=bytes)
    for name in ('Own', 'Both'):
        ours.register_module(name=name, module=int)
    for name in ('Foreign', 'Both', 'Shared', 'Adapter'):
        foreign.register_module(name=name, module=float)
    return root, ours, foreign


def alias_of(host, kind=ScopeAlias):
    """Return an alias with an adapter and a name that it does not offer."""
    node = kind(host, 'theirs', 'json', dict(Gone='use Own', Foreign='none'))
    node.register_module(name='Adapter', module=str)
    return node


def test_order_of_the_search(nodes):
    root, ours, foreign = nodes
    node = alias_of(ours)
    assert root.children['theirs'] is node and node.foreign is foreign
    wanted = dict(
        Adapter=str,
        Own=int,
        Both=int,
        Foreign=float,
        Shared=float,
        Library=bytes,
        Root=complex)
    for name, cls in wanted.items():
        assert node.get(name) is node.get(f'theirs.{name}') is cls
        assert root.get(f'theirs.{name}') is cls
    assert node.get('mmdet.Shared') is bytes
    assert node.get('Unknown') is None
    # neither side sees the adapter
    assert ours.get('Adapter') is None
    assert foreign.get('Adapter') is float


def test_without_the_foreign_package(nodes):
    root, ours, _ = nodes
    del root.children['theirs']
    node = alias_of(ours)
    assert node.foreign is None and node.get('Shared') is bytes
    for name in ('Gone', 'Foreign'):
        with pytest.raises(KeyError, match=f"'{name}' is not offered"):
            node.get(name)
    assert node.get('mmdet.Gone') is bytes


def test_video_datasets_are_wrapped_under_their_bare_names(nodes):
    _, ours, _ = nodes
    ours.register_module(name='Videos', module=YouTubeVIS)
    node = alias_of(ours, DatasetScopeAlias)
    assert node.get('Videos').__wrapped__ is YouTubeVIS
    assert node.get('theirs.Videos').__wrapped__ is YouTubeVIS
    assert node.get('ours.Videos') is YouTubeVIS
    assert node.get('Own') is int
