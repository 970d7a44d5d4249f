import io

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import (bitmask_objects, decode_bitmask,
                                     encode_bitmask, read_bitmask,
                                     write_bitmask)
from mmvis_plugin.utils.errors import AnnotationError


@pytest.fixture
def image():
    image = np.zeros((6, 8, 4), dtype=np.uint8)
    image[1:3, 2:5] = (3, 2, 1, 44)  # a car of track 300, crowd
    image[4:, :2] = (8, 12, 0, 7)  # a bicycle of track 7
    return image


def test_channels_are_red_green_blue_alpha(image, tmp_path):
    """A file that another program wrote, blue first in memory."""
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image[..., [2, 1, 0, 3]])
    found = read_bitmask(str(path))
    assert found[1, 2].tolist() == [3, 2, 1, 44]
    assert (found == image).all() and found.dtype == np.uint8
    objects = bitmask_objects(found, 'a.png')
    assert [o[:3] for o in objects] == [(7, 8, 12), (300, 3, 2)]
    masks = mask_utils.decode([o.rle for o in objects]).astype(bool)
    assert (masks[..., 0] == (image[..., 0] == 8)).all()
    assert (masks[..., 1] == (image[..., 0] == 3)).all()


def test_written_is_read(image, tmp_path):
    path = tmp_path / 'sub' / 'a.png'
    write_bitmask(str(path), image)
    assert (read_bitmask(str(path)) == image).all()
    assert [p.name for p in path.parent.iterdir()] == ['a.png']
    by_opencv = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (by_opencv[..., [2, 1, 0, 3]] == image).all()


def test_every_id_and_category():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 50, 4), dtype=np.uint8)
    ids = image[..., 2].astype(int) * 256 + image[..., 3]
    # one colour per id
    for i in np.unique(ids):
        image[ids == i] = image[ids == i][0]
    found = bitmask_objects(image, 'x')
    assert [o.track_id for o in found] == np.unique(ids[ids > 0]).tolist()
    for item in found:
        mask = mask_utils.decode(item.rle).astype(bool)
        assert (mask == (ids == item.track_id)).all()
        assert (image[mask][:, :2] == [item.category_id, item.bits]).all()


def test_pixels_without_a_track_are_background(image):
    image[0] = (5, 1, 0, 0)
    assert len(bitmask_objects(image, 'x')) == 2


@pytest.mark.parametrize('colour', [(4, 2, 1, 44), (3, 0, 1, 44)])
def test_two_meanings_of_one_track(image, colour):
    image[0, 0] = colour
    with pytest.raises(AnnotationError) as error:
        bitmask_objects(image, 'a.png')
    pairs = sorted([(3, 2), colour[:2]])
    assert str(error.value) == (
        'a.png: track 300 has 2 pairs of category and attributes (R, G): '
        f'{pairs}, expected one')


def png(mode, **kwargs):
    stream = io.BytesIO()
    Image.new(mode, (8, 6)).save(stream, 'PNG', **kwargs)
    return stream.getvalue()


DEEP = cv2.imencode('.png', np.zeros((6, 8, 4), dtype=np.uint16))[1].tobytes()


@pytest.mark.parametrize('content, found', [
    (png('RGB'), 'mode RGB with 8 bit'),
    (png('P'), r'mode P with \d bit'),
    (png('L'), 'mode L with 8 bit'),
    (png('LA'), 'mode LA with 8 bit'),
    (png('I;16'), 'mode I;16 with 16 bit'),
    (DEEP, 'mode RGBA with 16 bit'),
])
def test_other_modes_are_named(content, found):
    with pytest.raises(
            AnnotationError, match=f'a.png: PNG of {found}, expected RGBA'):
        decode_bitmask(content, 'a.png')


def test_broken_files(image, tmp_path):
    with pytest.raises(FileNotFoundError, match='none.png'):
        read_bitmask(str(tmp_path / 'none.png'))
    sound = encode_bitmask(image)
    stream = io.BytesIO()
    Image.new('RGB', (8, 6)).save(stream, 'JPEG')
    flipped = bytearray(sound)
    flipped[len(sound) // 2] ^= 1
    for content in (b'', b'text', sound[:-30], stream.getvalue(),
                    bytes(flipped)):
        with pytest.raises(
                AnnotationError, match='a.png: cannot be read as a PNG'):
            decode_bitmask(content, 'a.png')
