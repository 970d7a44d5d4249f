"""Which classes the semantic map of PanopticFCN has."""
import torch
from torch import Tensor

MODES = ('merged_things', 'stuff', 'all')


class SemanticClasses:
    """Classes of the semantic map and the labels they stand for.

    Labels of a dataset are things first, then stuff.

    Source: published code of PanopticFCN and its author's advice for
    Cityscapes.

    Args:
        num_things (int): Classes of things.
        num_stuff (int): Classes of stuff.
        mode (str): 'merged_things': class 0 is any thing, then stuff;
            'stuff': stuff only; 'all': every label is a class. Classes of
            things compete for pixels and are never written.
            Defaults to 'all'.

    Attributes:
        num (int): Classes of the map.
        to_label (Tensor): ``(num, )``, label of each class, -1 for things.
    """

    def __init__(self,
                 num_things: int,
                 num_stuff: int,
                 mode: str = 'all') -> None:
        if mode not in MODES:
            raise ValueError(
                f'semantic_mode={mode!r}, expected one of {MODES}')
        before = dict(merged_things=1, stuff=0, all=num_things)[mode]
        self.mode = mode
        self.num_things = num_things
        self.num = before + num_stuff
        stuff = torch.arange(num_stuff) + num_things
        self.to_label = torch.cat([torch.full((before, ), -1), stuff])

    def from_labels(self, sem: Tensor) -> Tensor:
        """Return the class of every label.

        Args:
            sem (Tensor): Labels; 255, and others that are no label, stay
                what they are or become negative.

        Returns:
            Tensor: int64 of the same shape; only 0 to ``num`` - 1 are
            classes.
        """
        sem = sem.long()
        if self.mode == 'all':
            return sem
        first = int(self.mode == 'merged_things')
        is_thing = sem < self.num_things
        sem = (sem - self.num_things + first).masked_fill(
            is_thing, 0 if first else -1)
        return sem
