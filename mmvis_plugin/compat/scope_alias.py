"""A registry node under the scope name of another package."""
from inspect import isclass
from typing import Callable, Dict, Optional, Type, Union

from mmengine.registry import Registry

from mmvis_plugin.datasets.video_seg_dataset import VideoSegDataset
from mmvis_plugin.registry import PluginRegistry
from .key_frame_dataset import takes_key_frames


class ScopeAlias(Registry):
    """Resolves the names of a foreign scope with what is installed here.

    A name is looked for among those registered in this node, then among
    this package's, then in a node that the foreign package has put under
    the same scope (which this one replaces), then among mmdet's and
    mmengine's.

    Args:
        host (PluginRegistry): Node of this package of the same kind.
        scope (str): The foreign scope.
        location (str): The module that fills this node.
        absent (dict[str, str], optional): Names that the foreign scope has
            and this one does not, and what to do instead. They are errors,
            also where mmdet has something else of that name. Defaults to
            None.
    """

    def __init__(self,
                 host: PluginRegistry,
                 scope: str,
                 location: str,
                 absent: Optional[Dict[str, str]] = None) -> None:
        # a parent has one child per scope
        self.foreign: Optional[Registry] = host.parent.children.pop(
            scope, None)
        # without a location mmengine imports '<scope>.utils'
        super().__init__(
            host.name, parent=host.parent, scope=scope, locations=[location])
        self.host = host
        self.absent = absent or {}

    def get(self, key: str) -> Optional[Type]:
        """Return the class of a name.

        Args:
            key (str): A bare name, one with the prefix of this scope, or
                another one that mmengine resolves.

        Returns:
            type or None: The registered class.

        Raises:
            KeyError: The name means something that is not offered here.
        """
        scope, name = self.split_scope_key(key)
        if scope in (None, self.scope) and '.' not in name:
            found = self._find(name)
            if found is not None:
                return found
        return super().get(key)

    def _find(self, name: str) -> Optional[Type]:
        for node in (self, self.host, self.foreign):
            if node is None:
                continue
            node.import_from_location()
            if name in node.module_dict:
                return node.module_dict[name]
        if name in self.absent:
            raise KeyError(f"type '{name}' is not offered in the scope "
                           f"'{self.scope}' without a working {self.scope}: "
                           f'{self.absent[name]}')
        return self.host.get(name)


class DatasetScopeAlias(ScopeAlias):
    """A :class:`ScopeAlias` whose video datasets take key frame arguments.

    Under their bare names, datasets of videos are functions that build them,
    see :func:`~mmvis_plugin.compat.key_frame_dataset.takes_key_frames`.
    """

    def _find(self, name: str) -> Optional[Union[Type, Callable]]:
        found = super()._find(name)
        if isclass(found) and issubclass(found, VideoSegDataset):
            return takes_key_frames(found)
        return found
