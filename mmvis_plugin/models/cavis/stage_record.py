"""What stage of CAVIS weights were trained in."""
from typing import Optional

import torch
import torch.nn as nn
from torch import Tensor

STAGES = ('segmenter', 'online', 'offline')


class StageRecord(nn.Module):
    """Write the stage into checkpoints, and refuse those of a wrong one.

    Training of a stage starts from weights of the stage before or of any
    later one; testing needs weights of the stage itself or of a later one.
    Weights without a record pass.

    Args:
        stage (str): 'segmenter', 'online' or 'offline'.

    Raises:
        ValueError: If there is no such stage.
    """

    def __init__(self, stage: str) -> None:
        super().__init__()
        if stage not in STAGES:
            raise ValueError(f'stage={stage!r} of CAVIS is unknown, expected '
                             f'one of {STAGES}')
        self.stage = stage
        self.weights: Optional[str] = None
        self.code: Tensor
        self.register_buffer('code', torch.tensor(STAGES.index(stage)))

    def trained(self) -> None:
        """Note that the weights are those of the stage from now on."""
        self.weights = self.stage

    def check_testable(self) -> None:
        """Raise ValueError if the loaded weights lack the stage."""
        if self.weights is not None and _rank(self.weights) < _rank(
                self.stage):
            raise ValueError(
                f'weights of stage {self.weights!r} in a model of stage '
                f'{self.stage!r}, expected weights of {self.stage!r}: train '
                'that stage from them, or test with a config of stage '
                f'{self.weights!r}')

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args,
                              **kwargs) -> None:
        """Read the record; the buffer keeps the stage of this model."""
        found = state_dict.get(prefix + 'code')
        if found is not None:
            self.weights = STAGES[int(found)]
            before = STAGES[max(_rank(self.stage) - 1, 0)]
            if _rank(self.weights) < _rank(before):
                raise ValueError(
                    f'checkpoint of stage {self.weights!r} for a model of '
                    f'stage {self.stage!r}, expected one of {before!r} or '
                    f'{self.stage!r}: train stage {before!r} first and name '
                    'its checkpoint in load_from')
        state_dict[prefix + 'code'] = self.code
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _rank(stage: str) -> int:
    return STAGES.index(stage)
