import json

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.apis.outputs import IdPictures, id_pictures
from mmvis_plugin.visualization import track_colors


def test_pixels_are_numbers_in_order_of_appearance(tmp_path, views, write):
    write(IdPictures(str(tmp_path), ('cat', 'dog')), views)
    images = [Image.open(tmp_path / f'0000{t}.png') for t in range(3)]
    first, second, third = map(np.array, images)
    assert {image.mode for image in images} == {'P'}
    wanted = np.ones((6, 8), np.uint8)
    wanted[:, 4:] = 2
    np.testing.assert_array_equal(first, wanted)
    wanted[:, 4:] = 0
    wanted[1:3, 2:6] = 2  # the better score lies on top
    np.testing.assert_array_equal(second, wanted)
    assert not third.any()


def test_palette_has_the_colours_of_the_overlay(tmp_path, views, write):
    write(IdPictures(str(tmp_path)), views)
    colors = np.array(Image.open(tmp_path / '00001.png').convert('RGB'))
    np.testing.assert_array_equal(colors[0, 0], track_colors([40])[0])
    np.testing.assert_array_equal(colors[1, 3], track_colors([7])[0])
    assert not colors[5, 7].any()


def test_list_of_tracks(tmp_path, views, write):
    write(IdPictures(str(tmp_path), ('cat', )), views)
    assert json.loads((tmp_path / 'tracks.json').read_text()) == [
        dict(number=1, instances_id=40, label=1), {
            'number': 2,
            'instances_id': 7,
            'label': 0,
            'class': 'cat'
        }
    ]


def test_numbers_above_255_take_16_bit(tmp_path, track_view, write):
    views = [
        track_view(t, [(1000 + t, 0, 0.9, (0, 0, 4, 6))]) for t in range(257)
    ]
    write(IdPictures(str(tmp_path)), views)
    for t, mode in ((254, 'P'), (255, 'I;16'), (256, 'I;16')):
        image = Image.open(tmp_path / f'{t:05d}.png')
        assert image.mode.startswith(mode[0])
        assert np.array(image).max() == t + 1


def test_more_tracks_than_16_bit_have(tmp_path, views, write, monkeypatch):
    monkeypatch.setattr(id_pictures, '_LIMIT', 2)
    with pytest.raises(ValueError, match='raise the score threshold'):
        write(IdPictures(str(tmp_path)), views)
    assert not (tmp_path / 'tracks.json').exists()
