import io
import random
from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.bdd100k_bitmasks import read_bitmask_video
from mmvis_plugin.utils.errors import AnnotationError
from .bdd100k_data import VIDEOS, BddData
from .mutations import assert_clean

NAME = VIDEOS[0]


@pytest.fixture
def bdd(tmp_path):
    data = BddData(tmp_path)
    data.write_bitmasks()
    return data


def read(bdd, drops=None, **kwargs):
    return read_bitmask_video(NAME, str(bdd.root / 'bitmasks' / NAME),
                              str(bdd.root / 'images' / NAME),
                              Counter() if drops is None else drops, **kwargs)


def repaint(bdd, frame=1, **pixels):
    """Paint a rectangle and write the picture again."""
    image = bdd.maps[NAME][frame]
    image[:2, :4] = pixels['colour']
    bdd.write_bitmasks()
    return f'{bdd.root}/bitmasks/{NAME}/{bdd.stem(NAME, frame)}.png'


def test_pictures_are_read_exactly(bdd):
    video = read(bdd)
    assert video['video_name'] == NAME
    for t, (image, pixels) in enumerate(zip(video['images'], bdd.maps[NAME])):
        assert image['file_name'] == f'{NAME}/{bdd.stem(NAME, t)}.jpg'
        assert (image['src_frame'], image['has_ann']) == (t + 1, True)
        assert (image['height'], image['width']) == pixels.shape[:2]
        ids = pixels[..., 2] * 256. + pixels[..., 3]
        tracks = [item['instance_id'] for item in image['instances']]
        assert tracks == sorted(set(ids[ids > 0].tolist()))
        for item in image['instances']:
            mask = ids == item['instance_id']
            assert (mask_utils.decode(item['mask']) == mask).all()
            red, green = pixels[mask][0, :2]
            assert item['category_id'] == red
            assert item['ignore_flag'] == (green & 3 > 0)
            assert item['area'] == mask.sum()
            rows, cols = np.nonzero(mask)
            assert item['bbox'] == [
                cols.min(),
                rows.min(),
                cols.max() + 1,
                rows.max() + 1
            ]


@pytest.mark.parametrize('bits, ignored', [(0, 0), (12, 0), (1, 1), (2, 1),
                                           (15, 1)])
def test_crowd_and_ignored_bits(bdd, bits, ignored):
    repaint(bdd, colour=(5, bits, 0, 77))
    item = read(bdd)['images'][1]['instances'][-2]
    assert (item['instance_id'], item['ignore_flag']) == (77, ignored)


@pytest.mark.parametrize('category', [0, 9, 255])
def test_other_categories(bdd, category):
    path = repaint(bdd, colour=(category, 0, 0, 77))
    with pytest.raises(AnnotationError) as error:
        read(bdd)
    assert str(error.value) == (
        f'{path}: unknown category {category} of track 77, expected 1 to 8 '
        "in channel R; set unknown='drop' to leave it out")
    kept = bdd.build('bitmasks', unknown='drop')
    assert len(kept.get_data_info(0)['images'][1]['instances']) == 3
    assert kept.drops[f'category {category} not in the class list'] == 1


def test_two_meanings_of_one_track(bdd):
    path = repaint(bdd, colour=(2, 4, 0, 5))
    with pytest.raises(AnnotationError) as error:
        read(bdd)
    assert str(error.value).startswith(f'{path}: track 5 has 2 pairs')


def test_a_frame_without_bitmask(bdd):
    path = bdd.root / 'bitmasks' / NAME / f'{bdd.stem(NAME, 1)}.png'
    path.unlink()
    with pytest.raises(FileNotFoundError) as error:
        read(bdd)
    assert str(error.value) == (
        f'{path} (video {NAME}, frame {bdd.stem(NAME, 1)}.jpg): the frame has '
        'no bitmask, expected one for each')
    # without looking at the frames, the gap stays in the numbers
    images = read(bdd, check_files='none')['images']
    assert [image['src_frame'] for image in images] == [1, 3]


def test_sizes_within_a_video(bdd):
    path = bdd.root / 'bitmasks' / NAME / f'{bdd.stem(NAME, 2)}.png'
    assert cv2.imwrite(str(path), np.zeros((24, 30, 4), np.uint8))
    with pytest.raises(AnnotationError) as error:
        read(bdd)
    assert str(error.value) == (
        f'{path}: size (24, 30), expected (24, 32) (height, width) as in the '
        'first frame of the video')


def test_a_picture_of_another_mode(bdd):
    path = bdd.root / 'bitmasks' / NAME / f'{bdd.stem(NAME, 0)}.png'
    assert cv2.imwrite(str(path), bdd.maps[NAME][0][..., :3])
    with pytest.raises(AnnotationError) as error:
        read(bdd)
    assert str(error.value) == (
        f'{path}: PNG of mode RGB with 8 bit, expected RGBA with 8 bit (R '
        'category, G attributes, 256 B + A track id)')


def broken_pictures(pixels, count):
    """Yield files: other pixels, modes and bytes."""
    rng, image = random.Random(0), Image.fromarray(pixels)
    for i in range(count):
        stream, changed = io.BytesIO(), pixels.copy()
        if i % 4 == 0:  # another colour of one object or one pixel
            mask = (pixels == pixels[13, 8]).all(-1)
            if i % 8:
                mask = np.zeros_like(mask)
                mask[rng.randrange(24), rng.randrange(32)] = True
            changed[mask, rng.randrange(4)] = rng.randrange(256)
            Image.fromarray(changed).save(stream, 'PNG')
            yield 'pixels', stream.getvalue(), changed
            continue
        mode = 'RGBA' if i % 4 < 3 else rng.choice(
            ['RGB', 'P', 'L', '1', 'LA'])
        image.convert(mode).save(stream, 'PNG')
        text = bytearray(stream.getvalue())
        if i % 4 == 1:
            text[rng.randrange(len(text))] ^= 1 << rng.randrange(8)
        elif i % 4 == 2:
            text = text[:rng.randrange(len(text))]
        yield ('flip', 'cut', 'mode')[i % 4 - 1], bytes(text), None


def test_broken_pictures_are_noticed_or_read_right(bdd):
    path = bdd.root / 'bitmasks' / NAME / f'{bdd.stem(NAME, 1)}.png'
    for other in path.parent.iterdir():
        if other != path:
            other.unlink()
    sound, counts = read(bdd, check_files='none'), Counter()
    for kind, text, pixels in broken_pictures(bdd.maps[NAME][1], 520):
        path.write_bytes(text)
        found, error = assert_clean(lambda: read(bdd, check_files='none'),
                                    str(path), kind)
        counts[kind, error is None] += 1
        if error is not None:
            continue
        assert kind != 'mode'
        if kind != 'pixels':  # bytes after the picture
            assert found == sound
            continue
        items = found['images'][0]['instances']
        ids = pixels[..., 2] * 256. + pixels[..., 3]
        assert [i['instance_id']
                for i in items] == sorted(set(ids[ids > 0].tolist()))
        for item in items:
            mask = ids == item['instance_id']
            assert (mask_utils.decode(item['mask']) == mask).all()
            assert (pixels[mask][:, 0] == item['category_id']).all()
            assert ((pixels[mask][:, 1] & 3 > 0) == item['ignore_flag']).all()
    assert counts['pixels', True] > 20 and counts['pixels', False] > 20
    assert counts['mode', False] == 130 and counts['cut', False] > 100
