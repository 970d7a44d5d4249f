"""What stage of CAVIS weights were trained in."""
from typing import Optional

import torch
import torch.nn as nn
from torch import Tensor

STAGES = ('segmenter', 'online', 'offline')
IMAGE = 'image'


class StageRecord(nn.Module):
    """Write the stage into checkpoints, and refuse those of a wrong one.

    Training of a stage starts from weights of the stage before or of any
    later one; testing needs weights of the stage itself or of a later one.
    What comes before the segmenter is 'image': weights of Mask2Former or of a
    backbone. Weights without a record pass.

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
        self.register_buffer('code', stage_code(stage))

    def trained(self) -> None:
        """Note that the weights are those of the stage from now on."""
        self.weights = self.stage

    def check_testable(self) -> None:
        """Raise ValueError if the loaded weights lack the stage."""
        if self.weights is not None and _rank(self.weights) < _rank(
                self.stage):
            remedy = 'train that stage from them'
            if self.weights != IMAGE:
                remedy += ', or test with a config of stage ' \
                    f'{self.weights!r}'
            raise ValueError(
                f'weights of stage {self.weights!r} in a model of stage '
                f'{self.stage!r}, expected weights of {self.stage!r}: '
                f'{remedy}')

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args,
                              **kwargs) -> None:
        """Read the record; the buffer keeps the stage of this model."""
        found = state_dict.get(prefix + 'code')
        if found is not None:
            self.weights = (*STAGES, IMAGE)[int(found)]
            if _rank(self.weights) < _rank(self.stage) - 1:
                before = STAGES[_rank(self.stage) - 1]
                raise ValueError(
                    f'checkpoint of stage {self.weights!r} for a model of '
                    f'stage {self.stage!r}, expected one of {before!r} or '
                    f'{self.stage!r}: train stage {before!r} first and name '
                    'its checkpoint in load_from')
        state_dict[prefix + 'code'] = self.code
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def stage_code(stage: str) -> Tensor:
    """Return what stands for a stage in a checkpoint.

    Args:
        stage (str): A stage, or 'image'.
    """
    return torch.tensor(_rank(stage))


def _rank(stage: str) -> int:
    return -1 if stage == IMAGE else STAGES.index(stage)
