"""Join the checkpoints of parts to that of a model, such as HybridTracker."""
import argparse
from typing import Dict, List, Optional, Sequence, Tuple

from torch import Tensor

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.convert_weights import save_weights


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='joined checkpoint')
    parser.add_argument(
        'parts',
        nargs='+',
        metavar='[NAME=]FILE',
        help='weights of the whole model, or, with a name, of the part of it '
        'with that name, for example flow=raft.pth; a part takes the place '
        'of what stands before it')
    return parser.parse_args(argv)


def split_part(word: str) -> Tuple[str, str]:
    """Return the name of a part, empty for the whole model, and its file.

    Args:
        word (str): ``NAME=FILE`` or ``FILE``.
    """
    name, equals, path = word.partition('=')
    # an equals sign may be in the path itself
    if equals and name.replace('.', '_').isidentifier():
        return name, path
    return '', word


def with_prefix(weights: Dict[str, Tensor], name: str) -> Dict[str, Tensor]:
    """Return the weights of a part under their names in the whole model.

    Args:
        weights (dict[str, Tensor]): Of the part alone, or of a model that
            has the part under the same name; its other parts are left out.
        name (str): Of the part.
    """
    prefix = f'{name}.'
    inside = {k: v for k, v in weights.items() if k.startswith(prefix)}
    return inside or {prefix + k: v for k, v in weights.items()}


def join(parts: List[str]) -> Dict[str, Tensor]:
    """Return the joined weights.

    Args:
        parts (list[str]): As on the command line.

    Raises:
        UsageError: If a whole model comes after a part.
    """
    joined: Dict[str, Tensor] = {}
    for word in parts:
        name, path = split_part(word)
        if not name and joined:
            raise UsageError(f'{word}: a whole model comes first, expected '
                             'NAME=FILE after it')
        weights = read_checkpoint(path)['state_dict']
        if name:
            joined = {
                k: v
                for k, v in joined.items() if not k.startswith(f'{name}.')
            }
            weights = with_prefix(weights, name)
        joined.update(weights)
        print(f'{name or "whole model"}: {len(weights)} tensors of {path}')
    return joined


@one_line_errors
def main() -> None:
    """Join the checkpoints that the options name."""
    args = parse_args()
    weights = join(args.parts)
    save_weights(args.out, weights, dict(joined_from=args.parts))
    print(f'{args.out}: {len(weights)} tensors')


if __name__ == '__main__':
    main()
