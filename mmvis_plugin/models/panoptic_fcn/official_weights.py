"""Published weights of PanopticFCN as those of PanopticFCN here."""
from typing import List, Mapping, Sequence

from torch import Tensor

from mmvis_plugin.utils.convert_weights import Conversion, rename_weights
from mmvis_plugin.utils.errors import CheckpointError
from .weight_names import plugin_name

# of Detectron2's models, no weights
CONSTANTS = ('pixel_mean', 'pixel_std')
SEMANTIC_ROWS = 'panoptic_head.position_head.out_sem.'
_EMBEDS = ('panoptic_head.thing_embed.', 'panoptic_head.stuff_embed.')


def convert_official(weights: Mapping[str, Tensor]) -> Conversion:
    """Bring the weights of a published file into our names and shapes.

    The embeddings of kernels, 1x1 convolutions there, are linear layers
    here: their kernels are flattened. All other tensors stay as they are.

    Args:
        weights (Mapping[str, Tensor]): Under the names of the file.

    Returns:
        Conversion: Renamed weights; names that no rule knows are left out.

    Raises:
        CheckpointError: If two weights get one name.
    """
    found = rename_weights(
        {
            k: v
            for k, v in weights.items() if k not in CONSTANTS
        }, plugin_name)
    for name, value in found.weights.items():
        if name.startswith(_EMBEDS) and value.dim() == 4:
            found.weights[name] = value.flatten(1)
    return found


def order_semantic_rows(found: Conversion, categories: Sequence[dict]) -> None:
    """Put the classes of the semantic map from their ids' order into ours.

    Weights for Cityscapes that know all classes have them in the order of
    their ids (road first); labels here are things first, then stuff, both by
    id. Rows of things' centres are in one order in both.

    Args:
        found (Conversion): Of :func:`convert_official`; changed.
        categories (Sequence[dict]): ``id`` and ``isthing`` of all classes.

    Raises:
        CheckpointError: If the file has another number of classes.
    """
    rows = semantic_rows(categories)
    for name in [n for n in found.weights if n.startswith(SEMANTIC_ROWS)]:
        value = found.weights[name]
        if len(value) != len(rows):
            raise CheckpointError(
                f'{name} has {len(value)} classes, expected the {len(rows)} '
                'of the class table; leave --class-table out for a semantic '
                'map of other classes')
        found.weights[name] = value[rows]


def semantic_rows(categories: Sequence[dict]) -> List[int]:
    """Return the place, by id, of the class of each label.

    Args:
        categories (Sequence[dict]): ``id`` and ``isthing`` of all classes.

    Examples:
        >>> road, car = dict(id=7, isthing=0), dict(id=26, isthing=1)
        >>> semantic_rows([road, car])
        [1, 0]
    """
    by_id = sorted(categories, key=lambda c: c['id'])
    return sorted(
        range(len(by_id)), key=lambda i: (not by_id[i]['isthing'], i))
