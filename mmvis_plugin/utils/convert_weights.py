"""Bring the weights of other code bases into this one's names."""
import argparse
import sys
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from mmengine.config import ConfigDict, DictAction
from mmengine.registry import init_default_scope
from torch import Tensor

from .empty_model import build_empty
from .errors import CheckpointError
from .whole_file import whole_file

# Their modules fill these in.
COUNTERS = 'num_batches_tracked'


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

    def fitting(self) -> Dict[str, Tensor]:
        """Return the weights that have their place in the model."""
        bad = {name.split()[0] for name in self.shapes} | set(self.extra)
        return {k: v for k, v in self.weights.items() if k not in bad}

    def refuse(self, path: str, wanted: str, remedy: str) -> None:
        """Raise what does not fit.

        Args:
            path (str): File of the other code base.
            wanted (str): Whose weights were expected.
            remedy (str): How to go on.

        Raises:
            CheckpointError: In any case.
        """
        raise CheckpointError(f'{path}: {"; ".join(self.problems())}; '
                              f'expected the weights of {wanted}: {remedy}')

    def print_problems(self) -> None:
        """Say on the standard error what was left out or is missing."""
        for problem in self.problems():
            print(f'left out or missing: {problem}', file=sys.stderr)


def converter_parser(description: str, source: str) -> argparse.ArgumentParser:
    """Return a parser of what all converters of weights take.

    Args:
        description (str): What is converted.
        source (str): What the file to be read is.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help=source)
    parser.add_argument('out', help='converted checkpoint')
    parser.add_argument(
        '--strict',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='every tensor must have its place (default), or write what '
        'fits and say what does not')
    return parser


def add_recipe_options(parser: argparse.ArgumentParser,
                       default: Optional[str],
                       hint: str = '',
                       example: str = '') -> None:
    """Add the options that name the model which the result must fit.

    Args:
        parser (argparse.ArgumentParser): Changed.
        default (str, optional): Recipe if none is named.
        hint (str): Which recipe to name. Defaults to ''.
        example (str): A config option. Defaults to ''.
    """
    parser.add_argument(
        '--config',
        default=default,
        help='recipe of the model that the result must fit'
        f'{" (%(default)s)" if default else ""}; {hint}')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help=f'override config values, for example {example}')


def empty_weights(cfg: ConfigDict) -> Dict[str, Tensor]:
    """Return names and shapes of the weights of a recipe, without numbers.

    Args:
        cfg (ConfigDict): The recipe.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    return build_empty(cfg.model).state_dict()


def by_prefix(
        rules: Sequence[Tuple[str, str]]) -> Callable[[str], Optional[str]]:
    """Return a function that renames weights by their prefixes.

    Args:
        rules (Sequence[tuple[str, str]]): Old and new prefix; the first
            rule that fits is taken.
    """

    def rename(name: str) -> Optional[str]:
        return next((new + name[len(old):]
                     for old, new in rules if name.startswith(old)), None)

    return rename


def rename_weights(weights: Mapping[str, Tensor],
                   rename: Callable[[str], Optional[str]]) -> Conversion:
    """Rename weights.

    Args:
        weights (Mapping[str, Tensor]): Weights of the other code base.
        rename (Callable): Gives the new name, or None if it knows none.

    Raises:
        CheckpointError: If two weights get one name.
    """
    found = Conversion({})
    for name, tensor in weights.items():
        new = rename(name)
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
        optional (Sequence[str]): Prefixes of tensors that may be missing, as
            counters of batches may.
    """
    for name, tensor in model.items():
        if name not in found.weights:
            if not (name.startswith(tuple(optional))
                    or name.endswith(COUNTERS)):
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
