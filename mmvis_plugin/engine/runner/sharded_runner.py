"""Training with parameters that are spread over the processes."""
from fnmatch import fnmatchcase
from typing import Dict, List, Optional, Sequence, Union

import torch
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import Optimizer

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.cli import UsageError
from .video_runner import VideoRunner
from .whole_states import keep_model_state_whole, keep_optimizer_state_whole


@RUNNERS.register_module()
class ShardedRunner(VideoRunner):
    """``VideoRunner`` that trains with ``torch.distributed.fsdp``.

    Parameters, gradients and the state of the optimizer are spread over the
    processes (``fully_shard``, torch 2.6 or later). A part that the key
    ``shard_modules`` of the config names gathers its own weights when it is
    called and gives them back; all others are whole from the begin of a step
    to the end of its backward pass. In one process, and in tests, it is a
    ``VideoRunner``.

    Steps are those of ``VideoRunner`` in as many processes: the optimizer
    sees the names of all parameters, gradients are clipped by their whole
    norm. (mmengine's own wrapper for sharding clips by the norm of the part
    that a process has.) Checkpoints are plain ones, which any runner reads,
    and read from any.

    Parts are named by patterns such as ``'backbone.stages.*.blocks.*'``,
    where ``*`` stands for one name between dots. Name only modules that are
    used by calling them, of which a model calls the same number of times in
    all processes. Parameters must have a dimension. There is no validation
    inside of training, as processes validate different numbers of frames:
    set ``val_cfg``, ``val_dataloader`` and ``val_evaluator`` to None. Hooks
    that copy the model, such as ``EMAHook``, do not work.
    """
    _is_sharded = False

    def train(self) -> nn.Module:
        """Train.

        Returns:
            nn.Module: The model, in several processes still spread.

        Raises:
            UsageError: The config validates, or torch cannot do this.
        """
        if self.distributed and self._val_loop is not None:
            raise UsageError(
                'runner_type=ShardedRunner does not validate, found val_cfg; '
                'set val_cfg, val_dataloader and val_evaluator to None and '
                'give the checkpoints to tools/test.py')
        return super().train()

    def wrap_model(self, model_wrapper_cfg: Optional[Dict],
                   model: nn.Module) -> nn.Module:
        """Move the model to its device; it is sharded when training begins.

        Args:
            model_wrapper_cfg (dict, optional): Used in one process only.
            model (nn.Module): The model.

        Returns:
            nn.Module: The model.
        """
        if not self.distributed:
            return super().wrap_model(model_wrapper_cfg, model)
        return model.to(get_device())

    def build_optim_wrapper(
            self, optim_wrapper: Union[Optimizer, OptimWrapper,
                                       Dict]) -> OptimWrapper:
        """Shard the model and build the optimizer of what came of it.

        Args:
            optim_wrapper (dict): As ``Runner.build_optim_wrapper``.

        Returns:
            OptimWrapper: The wrapper.
        """
        # resuming asks for the wrapper once more
        if not self.distributed or self._is_sharded:
            return super().build_optim_wrapper(optim_wrapper)
        # no initialisation can write into a part of a tensor
        super()._init_model_weights()
        shard(self.model, self.cfg.get('shard_modules', []), self.world_size)
        self._is_sharded = True
        built = super().build_optim_wrapper(optim_wrapper)
        keep_optimizer_state_whole(built.optimizer)
        return built

    def _init_model_weights(self) -> None:
        if not self._is_sharded:
            super()._init_model_weights()

    def save_checkpoint(self, *args, **kwargs) -> None:
        """Save a plain checkpoint; all processes have to call this.

        Args:
            *args: As ``VideoRunner.save_checkpoint``.
            **kwargs: As ``VideoRunner.save_checkpoint``.
        """
        if self._is_sharded and not is_main_process():
            # the others take part in what the main process gathers
            self.model.state_dict()
            if kwargs.get('save_optimizer', True):
                self.optim_wrapper.state_dict()
            return
        super().save_checkpoint(*args, **kwargs)


def shard(model: nn.Module, patterns: Sequence[str], world_size: int) -> None:
    """Spread a model over all processes, in place.

    Args:
        model (nn.Module): The model, on its device.
        patterns (Sequence[str]): Names of parts that gather their own
            weights, see :class:`ShardedRunner`.
        world_size (int): Number of processes.

    Raises:
        UsageError: torch is too old, or a pattern names nothing.
    """
    try:
        from torch.distributed.fsdp import fully_shard
    except ImportError as err:
        raise UsageError(
            f'runner_type=ShardedRunner needs torch >= 2.6, found '
            f'{torch.__version__}; use VideoRunner') from err
    from torch.distributed.device_mesh import init_device_mesh
    mesh = init_device_mesh(get_device(), (world_size, ))
    for module in find_parts(model, patterns):
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)
    keep_model_state_whole(model)


def find_parts(model: nn.Module, patterns: Sequence[str]) -> List[nn.Module]:
    """Return the parts that patterns name, inner ones first.

    Args:
        model (nn.Module): The model.
        patterns (Sequence[str]): Dotted names; each stands for parts of as
            many levels, ``*`` for any name of a level.

    Raises:
        UsageError: A pattern names nothing.
    """
    found = {}
    for pattern in patterns:
        levels = pattern.split('.')
        names = [
            name for name, _ in model.named_modules()
            if len(levels) == len(name.split('.'))
            and all(map(fnmatchcase, name.split('.'), levels))
        ]
        if not names:
            raise UsageError(f'shard_modules: {pattern!r} names no part of '
                             f'{type(model).__name__}; expected names such as '
                             "'backbone' or 'backbone.stages.*.blocks.*'")
        found.update({name: model.get_submodule(name) for name in names})
    return [found[name] for name in sorted(found, key=_depth, reverse=True)]


def _depth(name: str) -> int:
    return name.count('.')
