import pytest
import torch

from mmvis_plugin.models.raft import RAFT, official_raft_weights
from mmvis_plugin.utils.errors import CheckpointError
from ...torchvision_raft import torchvision_names


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


def test_a_file_of_two_networks():
    state = RAFT(small=True).state_dict()
    weights = dict(state)
    weights['module.fnet.conv1.bias'] = state['fnet.conv1.bias']
    with pytest.raises(CheckpointError, match='become fnet.conv1.bias'):
        official_raft_weights(weights)
