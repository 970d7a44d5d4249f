import pytest
import torch

from mmvis_plugin.models.raft import RAFT, official_raft_weights


def torchvision_names(small):
    """Pairs of official and torchvision's names, layer by layer."""
    pairs = []

    def add(ours, theirs, norm=False):
        keys = ['weight', 'bias']
        if norm:
            keys += ['running_mean', 'running_var', 'num_batches_tracked']
        pairs.extend((f'{ours}.{key}', f'{theirs}.{key}') for key in keys)

    for e, encoder in (('fnet', 'feature_encoder'), ('cnet',
                                                     'context_encoder')):
        batch_norm = e == 'cnet' and not small
        add(f'{e}.conv1', f'{encoder}.convnormrelu.0')
        if batch_norm:
            add(f'{e}.norm1', f'{encoder}.convnormrelu.1', True)
        for s in (1, 2, 3):
            for b in (0, 1):
                ours, theirs = (f'{x}.layer{s}.{b}' for x in (e, encoder))
                for k in (1, 2, 3) if small else (1, 2):
                    add(f'{ours}.conv{k}', f'{theirs}.convnormrelu{k}.0')
                    if batch_norm:
                        add(f'{ours}.norm{k}', f'{theirs}.convnormrelu{k}.1',
                            True)
            if s > 1:
                ours, theirs = (f'{x}.layer{s}.0.downsample'
                                for x in (e, encoder))
                add(f'{ours}.0', f'{theirs}.0')
                if batch_norm:
                    add(f'{ours}.1', f'{theirs}.1', True)
        add(f'{e}.conv2', f'{encoder}.conv')
    ours, theirs = 'update_block.encoder', 'update_block.motion_encoder'
    for k in (1, ) if small else (1, 2):
        add(f'{ours}.convc{k}', f'{theirs}.convcorr{k}.0')
    for k in (1, 2):
        add(f'{ours}.convf{k}', f'{theirs}.convflow{k}.0')
    add(f'{ours}.conv', f'{theirs}.conv.0')
    for k in ('1', ) if small else ('1', '2'):
        for gate in 'zrq':
            add(f'update_block.gru.conv{gate}{"" if small else k}',
                f'update_block.recurrent_block.convgru{k}.conv{gate}')
    for k in (1, 2):
        add(*[f'update_block.flow_head.conv{k}'] * 2)
    if not small:
        add('update_block.mask.0', 'mask_predictor.convrelu.0')
        add('update_block.mask.2', 'mask_predictor.conv')
    return pairs


@pytest.mark.parametrize('small, num', [(False, 169), (True, 106)])
def test_torchvision_round_trip(small, num):
    torch.manual_seed(0)
    source, target = RAFT(small=small), RAFT(small=small)
    state = source.state_dict()
    pairs = torchvision_names(small)
    assert len(pairs) == num
    theirs = {their: state[our] for our, their in pairs}
    target.load_state_dict(official_raft_weights(theirs), strict=True)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize('small', [False, True])
def test_official_files_only_lose_their_prefix(small):
    state = RAFT(small=small).state_dict()
    weights = {f'module.{name}': tensor for name, tensor in state.items()}
    got = official_raft_weights(weights)
    assert list(got) == list(state)
    assert all(got[name] is state[name] for name in state)


def test_unknown_names_are_not_hidden():
    raft = RAFT(small=True)
    weights = dict(raft.state_dict(), strange=torch.zeros(1))
    with pytest.raises(RuntimeError, match='strange'):
        raft.load_state_dict(official_raft_weights(weights))
