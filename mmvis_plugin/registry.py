"""Registry nodes of ``mmvis_plugin``.

There is one node per registry of mmdet. Every class registered here can be
named bare under ``default_scope='mmdet'`` and under
``default_scope='mmvis_plugin'``, or with the prefix ``mmvis_plugin.``.
"""
from typing import Any, Optional, Sequence, Type, Union

from mmdet import registry as mmdet_registry
from mmengine.registry import Registry

from .utils.explain import explain_error


class PluginRegistry(Registry):
    """A registry node with its own scope that also speaks for its host.

    mmengine searches a bare name in the node of the default scope and in
    its parents, never in a sibling. This node is a sibling of mmdet's, so it
    mirrors what is registered here into the host (a name the host already
    owns stays the host's) and falls back on the host for what it lacks.

    Args:
        host (Registry): The registry of mmdet of the same kind.
        scope (str): Scope of the node; must be the importable package name.
            Defaults to 'mmvis_plugin'.
        locations (Sequence[str]): Modules that register into this node.
            Defaults to ().
    """

    def __init__(
        self,
        host: Registry,
        scope: str = 'mmvis_plugin',
        locations: Sequence[str] = ()) -> None:
        super().__init__(
            host.name,
            parent=host.parent,
            scope=scope,
            locations=list(locations))
        self.host = host

    def _register_module(self,
                         module: Type,
                         module_name: Union[str, Sequence[str], None] = None,
                         force: bool = False) -> None:
        super()._register_module(module, module_name, force)
        names = module_name or module.__name__
        for name in [names] if isinstance(names, str) else names:
            self.host.module_dict.setdefault(name, module)

    def get(self, key: str) -> Optional[Type]:
        """Return the class of ``key``: own first, then the host's.

        Args:
            key (str): A bare name, ``mmvis_plugin.Name``, or another scope
                or import path that mmengine resolves.

        Returns:
            type or None: The registered class.
        """
        scope, name = self.split_scope_key(key)
        if scope in (None, self.scope):
            self.import_from_location()
            found = self.module_dict.get(name)
            if found is None and '.' not in name:
                found = self.host.get(name)
            if found is not None:
                return found
        return super().get(key)

    def build(self, cfg: dict, *args, **kwargs) -> Any:
        """Build an object from its config.

        Args:
            cfg (dict): Config with the key ``type``.

        Returns:
            object: What ``type`` constructs.

        Raises:
            KeyError: No class of that name; near names are listed.
            TypeError: The class has no such key; near keys are listed.
        """
        try:
            return super().build(cfg, *args, **kwargs)
        except (KeyError, RuntimeError, TypeError) as err:
            message = explain_error(err)
            if message is None:
                raise
            kind = TypeError if isinstance(err, TypeError) else KeyError
            raise kind(message) from err


def _node(host: Registry, *locations: str) -> PluginRegistry:
    return PluginRegistry(
        host, locations=[f'mmvis_plugin.{name}' for name in locations])


# data
DATASETS = _node(mmdet_registry.DATASETS, 'datasets')
DATA_SAMPLERS = _node(mmdet_registry.DATA_SAMPLERS, 'datasets.samplers')
TRANSFORMS = _node(mmdet_registry.TRANSFORMS, 'datasets.transforms')

# networks and what they are made of
MODELS = _node(mmdet_registry.MODELS, 'models')
MODEL_WRAPPERS = _node(mmdet_registry.MODEL_WRAPPERS, 'models')
WEIGHT_INITIALIZERS = _node(mmdet_registry.WEIGHT_INITIALIZERS, 'models')
TASK_UTILS = _node(mmdet_registry.TASK_UTILS, 'models')

# optimisation
OPTIMIZERS = _node(mmdet_registry.OPTIMIZERS, 'engine')
OPTIM_WRAPPERS = _node(mmdet_registry.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _node(mmdet_registry.OPTIM_WRAPPER_CONSTRUCTORS,
                                   'engine')
PARAM_SCHEDULERS = _node(mmdet_registry.PARAM_SCHEDULERS, 'engine')

# running
RUNNERS = _node(mmdet_registry.RUNNERS, 'engine')
RUNNER_CONSTRUCTORS = _node(mmdet_registry.RUNNER_CONSTRUCTORS, 'engine')
LOOPS = _node(mmdet_registry.LOOPS, 'engine')
HOOKS = _node(mmdet_registry.HOOKS, 'engine')
LOG_PROCESSORS = _node(mmdet_registry.LOG_PROCESSORS, 'engine')

# evaluation and display
METRICS = _node(mmdet_registry.METRICS, 'evaluation')
EVALUATOR = _node(mmdet_registry.EVALUATOR, 'evaluation')
VISUALIZERS = _node(mmdet_registry.VISUALIZERS, 'visualization')
VISBACKENDS = _node(mmdet_registry.VISBACKENDS, 'visualization')
