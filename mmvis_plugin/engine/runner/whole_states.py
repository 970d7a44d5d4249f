"""Whole state dicts of what is spread over processes."""
from itertools import chain
from typing import Any, Dict, Optional

from torch import Tensor, nn
from torch.optim import Optimizer

State = Dict[str, Any]


def whole(value: Any) -> Any:
    """Return a tensor that is spread over processes as one on the CPU.

    All processes of its mesh have to call this.

    Args:
        value (Any): Something that is not spread is returned as it is.
    """
    if not hasattr(value, 'full_tensor'):
        return value
    return value.full_tensor().cpu()


def spread_like(value: Any, param: Optional[Tensor]) -> Any:
    """Spread a whole tensor as a parameter is.

    Args:
        value (Any): Returned as it is if its shape is not that of the
            parameter, for example a number of steps.
        param (Tensor, optional): The parameter.
    """
    from torch.distributed.tensor import DTensor, distribute_tensor
    fits = isinstance(value, Tensor) and isinstance(param, DTensor)
    if not fits or isinstance(value, DTensor) or value.shape != param.shape:
        return value
    return distribute_tensor(
        value.to(param.device), param.device_mesh, param.placements)


def keep_model_state_whole(model: nn.Module) -> None:
    """Let the state dict of a spread model be that of a plain one.

    All processes have to call ``state_dict`` and ``load_state_dict``.

    Args:
        model (nn.Module): Changed in place; its parts keep their own.
    """

    def save(module: nn.Module, state: State, prefix: str, *args) -> None:
        for key, value in state.items():
            state[key] = whole(value)

    def load(module: nn.Module, state: State, prefix: str, *args) -> None:
        for name, param in module.named_parameters():
            if prefix + name in state:
                state[prefix + name] = spread_like(state[prefix + name], param)

    model.register_state_dict_post_hook(save)
    model.register_load_state_dict_pre_hook(load)


def keep_optimizer_state_whole(optimizer: Optimizer) -> None:
    """Let the state dict of an optimizer be that of a plain model's.

    All processes have to call ``state_dict`` and ``load_state_dict``.

    Args:
        optimizer (Optimizer): Changed in place.
    """

    def save(optimizer: Optimizer, state: State) -> State:
        moments = {
            index: {
                key: whole(value)
                for key, value in entry.items()
            }
            for index, entry in state['state'].items()
        }
        return dict(state, state=moments)

    def load(optimizer: Optimizer, state: State) -> State:
        params = chain.from_iterable(g['params']
                                     for g in optimizer.param_groups)
        indices = chain.from_iterable(g['params']
                                      for g in state['param_groups'])
        moments = {}
        for index, param in zip(indices, params):
            if index in state['state']:
                moments[index] = {
                    key: spread_like(value, param)
                    for key, value in state['state'][index].items()
                }
        return dict(state, state=moments)

    optimizer.register_state_dict_post_hook(save)
    optimizer.register_load_state_dict_pre_hook(load)
