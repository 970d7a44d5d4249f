"""A checkpoint of another model, or none, is refused in one line."""
import pytest
import torch
from torch import nn

from mmvis_plugin.utils.checkpoint import (check_compatible, latest_checkpoint,
                                           load_detector, load_weights,
                                           read_checkpoint)
from mmvis_plugin.utils.errors import CheckpointError


def net(width: int = 4, num_classes: int = 3) -> nn.Module:
    """Return a body of two layers and a classifier."""
    return nn.ModuleDict(
        dict(
            body=nn.Sequential(nn.Linear(2, width), nn.Linear(width, 5)),
            fc_cls=nn.Linear(5, num_classes)))


def test_weights_are_loaded(tmp_path):
    source, target = net(), net()
    path = str(tmp_path / 'net.pth')
    torch.save(dict(state_dict=source.state_dict(), meta=dict(iter=7)), path)
    content = load_weights(target, path)
    assert content['meta'] == dict(iter=7)
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)


@pytest.mark.parametrize('part', ['detector', 'segmentor'])
@pytest.mark.parametrize('prefix', ['', 'module.', '{}.', 'module.{}.'])
def test_the_detector_alone(tmp_path, part, prefix):
    source, model = net(), nn.Module()
    model.add_module(part, net())
    model.add_module('other', net())
    before = {key: v.clone() for key, v in model.other.state_dict().items()}
    path = str(tmp_path / 'part.pth')
    weights = {
        prefix.format(part) + key: value
        for key, value in source.state_dict().items()
    }
    if '{}' in prefix:
        weights['other.fc_cls.bias'] = torch.full((3, ), 9.)
    torch.save(dict(state_dict=weights), path)
    wrapper = nn.Module()
    wrapper.module = model
    load_detector(wrapper, path)
    for key, value in source.state_dict().items():
        assert torch.equal(getattr(model, part).state_dict()[key], value)
    for key, value in model.other.state_dict().items():
        assert torch.equal(before[key], value)
    with pytest.raises(CheckpointError, match='ModuleDict has none of its'):
        load_detector(net(), path)
    setattr(model, part, nn.Sequential(nn.Linear(1, 1)))
    with pytest.raises(CheckpointError, match='belongs to another model'):
        load_detector(model, path)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_bare_state_dict_is_a_checkpoint(tmp_path, prefix):
    source, target = net(), net()
    path = str(tmp_path / 'bare.pth')
    weights = {prefix + key: v for key, v in source.state_dict().items()}
    torch.save(weights, path)
    load_weights(target, path)
    assert torch.equal(target['fc_cls'].weight, source['fc_cls'].weight)


def test_another_model():
    other = {f'encoder.{i}': torch.zeros(1) for i in range(20)}
    with pytest.raises(CheckpointError) as info:
        check_compatible(net(), other, 'other.pth')
    message = str(info.value)
    assert '\n' not in message and message.startswith('other.pth: ')
    assert '0 of the 6 tensors of ModuleDict' in message
    assert 'its 20' in message and 'config' in message


@pytest.mark.parametrize('depth', [1, 2])
def test_the_model_inside_a_wrapper(depth):
    model = net()
    for _ in range(depth):
        model = nn.DataParallel(model)
    check_compatible(model, net().state_dict(), 'net.pth')
    with pytest.raises(CheckpointError, match='tensors of ModuleDict'):
        check_compatible(model, dict(other=torch.zeros(1)), 'other.pth')


def test_half_of_the_tensors_is_enough():
    weights = net().state_dict()
    few = {key: weights[key] for key in list(weights)[:3]}
    check_compatible(net(), few, 'half.pth')
    few.popitem()
    with pytest.raises(CheckpointError, match='2 of the 6'):
        check_compatible(net(), few, 'less.pth')


def test_another_width():
    with pytest.raises(CheckpointError) as info:
        check_compatible(net(4), net(8).state_dict(), 'wide.pth')
    assert str(info.value).startswith(
        'wide.pth: body.0.weight has shape (8, 2), ModuleDict expects (4, 2)')


def test_another_number_of_classes_passes():
    check_compatible(net(), net(num_classes=40).state_dict(), 'classes.pth')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such checkpoint'):
        read_checkpoint(str(tmp_path / 'nothing.pth'))


def test_cut_file(tmp_path):
    path = tmp_path / 'cut.pth'
    torch.save(net().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match='cut.pth: not a whole') as info:
        read_checkpoint(str(path))
    assert '\n' not in str(info.value)


def test_text_file(tmp_path):
    path = tmp_path / 'text.pth'
    path.write_text('version https://git-lfs')
    with pytest.raises(CheckpointError, match='text.pth') as info:
        read_checkpoint(str(path))
    assert '\n' not in str(info.value)


def test_unsafe_file(tmp_path):
    path = tmp_path / 'unsafe.pth'
    torch.save(dict(state_dict={}, extra=print), path)
    with pytest.raises(CheckpointError, match=r'safely \(it holds') as info:
        read_checkpoint(str(path))
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('content', [b'garbage', b'<html>404</html>'])
def test_file_of_another_kind(tmp_path, content):
    path = tmp_path / 'page.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='not a checkpoint, no') as info:
        read_checkpoint(str(path))
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('content', [[1, 2], {}, torch.zeros(2)])
def test_file_without_weights(tmp_path, content):
    path = tmp_path / 'list.pth'
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="'state_dict'"):
        read_checkpoint(str(path))


def test_latest_checkpoint(tmp_path):
    folder = str(tmp_path)
    assert latest_checkpoint(folder) is None
    for name in ('iter_900.pth', 'iter_1000.pth', 'best_iter_2000.pth',
                 'iter_3000.pth.tmp'):
        (tmp_path / name).touch()
    assert latest_checkpoint(folder) == str(tmp_path / 'iter_1000.pth')
    note = tmp_path / 'last_checkpoint'
    note.write_text(str(tmp_path / 'iter_900.pth'))
    assert latest_checkpoint(folder) == str(tmp_path / 'iter_900.pth')
    note.write_text('/moved/elsewhere/iter_900.pth')
    assert latest_checkpoint(folder) == str(tmp_path / 'iter_900.pth')
    note.write_text('')
    assert latest_checkpoint(folder) == str(tmp_path / 'iter_1000.pth')
