from dataclasses import replace

import numpy as np
import pytest
import torch

from mmvis_plugin.datasets.synthetic import (generate_flow, generate_video,
                                             get_cfg)
from mmvis_plugin.datasets.synthetic.writers import write_vipseg
from mmvis_plugin.models.association import warped_dice
from mmvis_plugin.registry import MODELS

CFG = replace(
    get_cfg('tiny'), num_train=1, num_val=1, num_frames=6, height=48, width=64)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('exact') / 'set'
    write_vipseg(str(path), CFG, with_flow=True)
    return path


def encoded(source, root, frame, **meta):
    image = torch.zeros(1, 3, CFG.height, CFG.width)
    path = f'{root}/images/val_0000/{frame:08d}.jpg'
    return source.encode(image, dict(meta, img_path=path))


def build(root):
    return MODELS.build(dict(type='ExactFlow', data_root=f'{root}/'))


@pytest.mark.parametrize('first, second', [(0, 1), (1, 0), (1, 3), (5, 3)])
def test_flow_of_pairs(root, first, second):
    source = build(root)
    flow = source.flow(*(encoded(source, root, t) for t in (first, second)))
    exact, _ = generate_flow(CFG, 'val', 0, first, second)
    # files hold 64ths of a pixel
    assert np.abs(flow[0].numpy() - exact).max() <= 1 / 128
    # things are moved onto themselves, as far as they are seen
    video = generate_video(CFG, 'val', 0)
    ids = torch.from_numpy(video.id_maps[[first, second]]).long()
    num = int(ids.max())
    zero = torch.zeros_like(flow[0])
    moved, still = (
        warped_dice(*ids, x, num, num).dice for x in (flow[0], zero))
    assert moved.diag().max() > 0.85
    assert moved.diag().sum() > still.diag().sum() + 0.1


def test_flipped_frames(root):
    source, flip = build(root), dict(flip=True, flip_direction='horizontal')
    plain = source.flow(*(encoded(source, root, t) for t in (0, 1)))
    flow = source.flow(*(encoded(source, root, t, **flip) for t in (0, 1)))
    assert torch.equal(flow[:, 0], -plain[:, 0].flip(-1))
    assert torch.equal(flow[:, 1], plain[:, 1].flip(-1))
    with pytest.raises(ValueError, match='flipped: True and False') as info:
        source.flow(encoded(source, root, 0, **flip), encoded(source, root, 1))
    assert '\n' not in str(info.value)
    with pytest.raises(ValueError, match="flip_direction='vertical'"):
        encoded(source, root, 0, flip=True, flip_direction='vertical')


def test_pairs_without_a_file(root):
    source = build(root)
    with pytest.raises(FileNotFoundError, match='--with-flow') as info:
        source.flow(*(encoded(source, root, t) for t in (0, 3)))
    assert '00000000_to_00000003.png' in str(info.value)
    assert '\n' not in str(info.value)


def test_frames_of_a_stream(root):
    with pytest.raises(ValueError, match='frame 4: no img_path') as info:
        build(root).encode(torch.zeros(1, 3, 48, 64), dict(frame_id=4))
    assert '\n' not in str(info.value)


def test_resized_frames(root):
    source = build(root)
    frames = [encoded(source, root, t)._replace(size=(24, 32)) for t in (0, 1)]
    with pytest.raises(ValueError, match=r'flow of size \(48, 64\)'):
        source.flow(*frames)
