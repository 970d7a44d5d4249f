"""Names of published weights of RAFT."""
import re
from typing import Dict, Mapping

from torch import Tensor

from mmvis_plugin.utils.errors import CheckpointError

# from torchvision's names to the official ones, whole parts at a time
_RULES = [(re.compile(old), new) for old, new in [
    (r'^module\.', ''),
    (r'^feature_encoder\.', 'fnet.'),
    (r'^context_encoder\.', 'cnet.'),
    (r'^([fc]net)\.convnormrelu\.0\.', r'\1.conv1.'),
    (r'^([fc]net)\.convnormrelu\.1\.', r'\1.norm1.'),
    (r'^([fc]net)\.conv\.', r'\1.conv2.'),
    (r'\.convnormrelu(\d)\.0\.', r'.conv\1.'),
    (r'\.convnormrelu(\d)\.1\.', r'.norm\1.'),
    (r'^update_block\.motion_encoder\.conv(corr|flow)(\d)\.0\.',
     lambda m: f'update_block.encoder.conv{m[1][0]}{m[2]}.'),
    (r'^update_block\.motion_encoder\.conv\.0\.',
     'update_block.encoder.conv.'),
    (r'^update_block\.recurrent_block\.convgru(\d)\.conv([zrq])\.',
     r'update_block.gru.conv\2\1.'),
    (r'^mask_predictor\.convrelu\.0\.', 'update_block.mask.0.'),
    (r'^mask_predictor\.conv\.', 'update_block.mask.2.'),
]]
_SHORTCUT_NORM = re.compile(r'^(cnet\.layer\d\.0)\.downsample\.1\.')


def official_raft_weights(weights: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Bring weights of the official code or of torchvision to our names.

    Official files carry the prefix ``module.``. Those of torchvision know
    the norm of a shortcut under one of its two names only; it gets both.

    Args:
        weights (Mapping[str, Tensor]): ``state_dict`` of a file.

    Returns:
        dict[str, Tensor]: For ``RAFT.load_state_dict``, which says what does
        not belong there.

    Raises:
        CheckpointError: If two tensors get one name.
    """
    # the small network has one pass and no number
    passes = {
        m[1]
        for m in map(re.compile(r'convgru(\d)').search, weights) if m
    }
    renamed = {}
    for name, tensor in weights.items():
        for old, new in _RULES:
            name = old.sub(new, name)
        if passes == {'1'}:
            name = re.sub(r'\.gru\.conv([zrq])1\.', r'.gru.conv\1.', name)
        if name in renamed:
            raise CheckpointError(
                f'two tensors of the file become {name}, expected one each; '
                'give a file of one network')
        renamed[name] = tensor
    for name in list(renamed):
        if _SHORTCUT_NORM.match(name):
            alias = _SHORTCUT_NORM.sub(r'\1.norm3.', name)
            renamed.setdefault(alias, renamed[name])
    return renamed
