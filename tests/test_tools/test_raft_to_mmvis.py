"""Weights with the names of the official RAFT and of torchvision's."""
import importlib.util
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from mmvis_plugin.models.raft import RAFT, FlowEstimator
from mmvis_plugin.utils.checkpoint import load_weights, read_checkpoint
from ..torchvision_raft import torchvision_names

TOOL = Path(__file__).parents[2] / 'tools/model_converters/raft_to_mmvis.py'


@pytest.fixture
def convert(tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on weights."""
    spec = importlib.util.spec_from_file_location('raft_to_mmvis', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    path, out = tmp_path / 'theirs.pth', tmp_path / 'new/ours.pth'

    def run(weights, *words):
        torch.save(OrderedDict(weights), path)
        monkeypatch.setattr(
            sys, 'argv',
            [TOOL.name, str(path), str(out), *words])
        code = 0
        try:
            tool.main()
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err, out

    return run


def network(small):
    """Return a network with weights and buffers of its own."""
    torch.manual_seed(1)
    raft = RAFT(small=small).eval()
    for name, buffer in raft.named_buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return raft


def official(small):
    """Weights as the official code writes them, and the network."""
    raft = network(small)
    return {f'module.{k}': v for k, v in raft.state_dict().items()}, raft


def torchvision(small):
    """Weights as torchvision has them, and the network."""
    raft = network(small)
    state = raft.state_dict()
    return {their: state[our] for our, their in torchvision_names(small)}, raft


@pytest.mark.parametrize('source, small, num, num_ours', [
    (official, False, 179, 179),
    (official, True, 106, 106),
    (torchvision, False, 169, 179),
    (torchvision, True, 106, 106),
])
def test_every_weight_arrives(convert, source, small, num, num_ours):
    weights, raft = source(small)
    assert len(weights) == num
    code, printed, out = convert(weights)
    assert code == 0, printed
    size = 'small' if small else 'large'
    assert printed == f'{out}: {num_ours} tensors of RAFT ({size})\n'
    model = FlowEstimator(dict(type='mmvis_plugin.RAFT', small=small)).eval()
    content = load_weights(model, str(out))
    assert content['meta'] == dict(converted_from='RAFT', size=size)
    state = model.flow.state_dict()
    for name, tensor in raft.state_dict().items():
        assert torch.equal(state[name], tensor), name
    if small:
        imgs = torch.randint(256, (1, 2, 3, 40, 56))
        with torch.no_grad():
            assert torch.equal(model(imgs), raft(*imgs.unbind(1)))


def test_network_alone_takes_the_file(convert):
    weights, raft = torchvision(True)
    _, _, out = convert(weights)
    init = dict(type='Pretrained', checkpoint=str(out), prefix='flow.')
    alone = RAFT(small=True, init_cfg=init)
    alone.init_weights()
    for name, tensor in raft.state_dict().items():
        assert torch.equal(alone.state_dict()[name], tensor), name


def test_what_does_not_fit_is_left_out_only_on_request(convert):
    weights, _ = official(True)
    weights['module.strange.weight'] = torch.zeros(1)
    weights['module.cnet.conv2.bias'] = torch.zeros(7)
    del weights['module.fnet.conv1.bias']
    code, printed, out = convert(weights)
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    for text in ('theirs.pth: 1 tensors of the model are not in the file: '
                 'fnet.conv1.bias', 'strange.weight',
                 'cnet.conv2.bias (7,) instead of (160,)', '--no-strict'):
        assert text in printed
    code, printed, out = convert(weights, '--no-strict')
    assert code == 0 and printed.count('left out or missing: ') == 3
    kept = set(read_checkpoint(str(out))['state_dict'])
    lost = {'cnet.conv2.bias', 'fnet.conv1.bias'}
    assert kept == {
        f'flow.{k}'
        for k in RAFT(small=True).state_dict() if k not in lost
    }


def test_wrong_size_and_wrong_file(convert):
    weights, _ = official(True)
    code, printed, out = convert(weights, '--size', 'large')
    assert code == 1 and 'expected the weights of RAFT (large)' in printed
    other = {'backbone.conv1.weight': torch.zeros(3)}
    code, printed, out = convert(other, '--no-strict')
    assert code == 1 and 'nothing of it fits RAFT (small)' in printed
    assert not out.exists()
