"""Bring the weights of other code bases into this one's names."""
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor

from .errors import CheckpointError
from .whole_file import whole_file


@dataclass
class Conversion:
    """Renamed weights and what did not fit.

    Attributes:
        weights (dict[str, Tensor]): Under the new names.
        unknown (list[str]): Old names that no rule knows; left out.
        missing (list[str]): Names of the model that nothing gives.
        extra (list[str]): New names that the model does not have.
        shapes (list[str]): New names of another shape than in the model.
    """
    weights: Dict[str, Tensor]
    unknown: List[str] = field(default_factory=list)
    missing: List[str] = field(default_factory=list)
    extra: List[str] = field(default_factory=list)
    shapes: List[str] = field(default_factory=list)

    def problems(self) -> List[str]:
        """Return one line per kind of misfit that was found."""
        return [
            f'{len(names)} {text}: {", ".join(sorted(names)[:5])}'
            f'{", ..." if len(names) > 5 else ""}' for names, text in [
                (self.unknown, 'names of the file are not known'),
                (self.missing, 'tensors of the model are not in the file'),
                (self.extra, 'tensors of the file are not in the model'),
                (self.shapes, 'tensors have another shape in the model'),
            ] if names
        ]


def rename_weights(weights: Mapping[str, Tensor],
                   rules: Sequence[Tuple[str, str]]) -> Conversion:
    """Rename weights by their prefixes.

    Args:
        weights (Mapping[str, Tensor]): Weights of the other code base.
        rules (Sequence[tuple[str, str]]): Old and new prefix; the first
            rule that fits is taken.

    Raises:
        CheckpointError: If two weights get one name.
    """
    found = Conversion({})
    for name, tensor in weights.items():
        new = next((new + name[len(old):]
                    for old, new in rules if name.startswith(old)), None)
        if new is None:
            found.unknown.append(name)
        elif new in found.weights:
            raise CheckpointError(
                f'{name} becomes {new}, which another tensor of the file is '
                'already; expected one tensor per name')
        else:
            found.weights[new] = tensor
    return found


def compare_weights(
    found: Conversion,
    model: Mapping[str, Tensor],
    optional: Sequence[str] = tuple()) -> None:
    """Note in a conversion where it does not fit a model.

    Args:
        found (Conversion): From :func:`rename_weights`; changed.
        model (Mapping[str, Tensor]): ``state_dict`` of the model.
        optional (Sequence[str]): Prefixes of tensors that may be missing.
    """
    for name, tensor in model.items():
        if name not in found.weights:
            if not name.startswith(tuple(optional)):
                found.missing.append(name)
        elif found.weights[name].shape != tensor.shape:
            found.shapes.append(
                f'{name} {tuple(found.weights[name].shape)} instead of '
                f'{tuple(tensor.shape)}')
    found.extra += [name for name in found.weights if name not in model]


def save_weights(path: str,
                 weights: Mapping[str, Tensor],
                 meta: Optional[dict] = None) -> None:
    """Write a checkpoint that appears only when it is complete.

    Args:
        path (str): The file; its folder is made.
        weights (Mapping[str, Tensor]): The weights.
        meta (dict, optional): Plain values to be kept with them.
    """
    with whole_file(path) as unfinished:
        torch.save(dict(state_dict=dict(weights), meta=meta or {}), unfinished)
