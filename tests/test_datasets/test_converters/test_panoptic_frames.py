import json

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.datasets.converters import panoptic_frames as frames
from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError


def test_ids_tell_their_category_and_differ():
    categories = np.repeat(np.arange(124), 5)
    numbers = np.tile([0, 1, 999, 1000, 65535], 124)
    ids = frames.thing_ids(categories, numbers)
    assert ids[1] == 1001 and ids[7] == 2999 and ids.max() < 2**24
    assert len(np.unique(np.r_[ids, 1:125])) == len(ids) + 124
    assert (frames.category_of(ids) == categories).all()
    assert frames.category_of(np.arange(125)).tolist() == list(range(-1, 124))


def test_distinct_values():
    rng = np.random.default_rng(0)
    for shape in ((7, 9), (1, 1), (5, 1)):
        values = rng.integers(-2, 4, shape) * 1000
        found, index = frames.distinct(values)
        assert found.tolist() == sorted(set(values.ravel().tolist()))
        assert (found[index] == values).all()


def test_a_frame_and_its_segments(tmp_path):
    high = int(frames.thing_ids(np.array(22), np.array(60000)))
    ids = np.array([[0, 1, 1], [high, high, 12007]])
    path = tmp_path / 'new' / 'a.png'
    segments = frames.write_frame(str(path), ids)
    assert read_panoptic_map(str(path)).tolist() == ids.tolist()
    assert segments == [
        dict(id=1, category_id=0, iscrowd=0, area=2, bbox=[1, 0, 2, 1]),
        dict(id=12007, category_id=11, iscrowd=0, area=1, bbox=[2, 1, 1, 1]),
        dict(id=high, category_id=22, iscrowd=0, area=2, bbox=[0, 1, 2, 1])
    ]


def test_pictures_are_read_as_they_are(tmp_path):
    values = np.array([[0, 300], [26007, 65535]])
    path = str(tmp_path / 'a.png')
    frames.write_grey(path, values.astype(np.uint16))
    assert frames.read_picture(path, frames.GREY).tolist() == values.tolist()
    indexed = Image.fromarray(values.astype(np.uint8))
    indexed.putpalette([7] * 768)
    indexed.save(path)
    assert frames.read_picture(path, frames.GREY).tolist() == [[0, 44],
                                                               [151, 255]]
    rgba = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    Image.fromarray(rgba).save(path)
    assert (frames.read_picture(path, frames.COLOUR) == rgba[..., :3]).all()
    with pytest.raises(AnnotationError, match='a.png: picture of mode RGBA'):
        frames.read_picture(path, frames.GREY)


def test_broken_pictures(tmp_path):
    path = tmp_path / 'a.png'
    with pytest.raises(FileNotFoundError, match='a.png: no such file'):
        frames.read_picture(str(path), frames.GREY)
    frames.write_grey(
        str(path),
        np.random.default_rng(0).integers(0, 255, (50, 50)).astype(np.uint8))
    content = path.read_bytes()
    for broken in (b'', b'no picture', content[:400]):
        path.write_bytes(broken)
        with pytest.raises(
                AnnotationError, match='a.png: cannot be read as an image'):
            frames.read_picture(str(path), frames.GREY)
    with pytest.raises(
            AnnotationError, match=r'b: size \(3, 2\), expected \(2, 3\)'):
        frames.same_size(dict(a=(2, 3), b=(3, 2)))


def convert_number(task):
    folder, number = task
    if number < 0:
        raise AnnotationError(f'{number}: negative')
    name = f'{number}.png'
    frames.write_grey(f'{folder}/{name}', np.full((2, 2), number, np.uint8))
    return dict(name=name)


@pytest.fixture
def convert(tmp_path):
    """Return a function that converts numbers."""

    def run(*numbers, name='test', workers=1):
        return frames.convert_split(
            str(tmp_path / 'out.json'),
            dict(converter=name, count=len(numbers)),
            {str(n): (str(tmp_path), n)
             for n in numbers}, convert_number,
            lambda results: dict(files=[r['name'] for r in results]),
            lambda content: (str(tmp_path / f)
                             for f in content['files']), workers)

    return run


def test_a_second_call_has_nothing_to_do(convert, tmp_path):
    assert convert(1, 2)
    content = json.loads((tmp_path / 'out.json').read_text())
    assert content == dict(
        info=dict(converter='test', count=2), files=['1.png', '2.png'])
    assert frames.read_info(str(tmp_path / 'out.json')) == content['info']
    assert not convert(1, 2)
    # unless a map was lost, or the options are others
    (tmp_path / '2.png').unlink()
    assert convert(1, 2)
    assert (tmp_path / '2.png').exists() and not convert(1, 2)
    assert convert(1, 2, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        '1.png', '2.png', '3.png', 'out.json'
    ]


def test_goes_on_after_a_stop(convert, tmp_path):
    with pytest.raises(AnnotationError, match='-1: negative'):
        convert(5, -1)
    assert not (tmp_path / 'out.json').exists()
    first = (tmp_path / '5.png').stat().st_mtime_ns
    assert convert(5, 6)
    assert (tmp_path / '5.png').stat().st_mtime_ns == first


def test_files_of_others_are_kept(convert, tmp_path):
    for content in ('{"images": []}', '[]', '', '{"info": 3}'):
        (tmp_path / 'out.json').write_text(content)
        with pytest.raises(ValueError, match='out.json: was not written by'):
            convert(1)
        assert (tmp_path / 'out.json').read_text() == content


def test_categories():
    city = frames.table_categories('cityscapes_vps')
    assert [c['id'] for c in city] == list(range(19))
    assert (city[7]['ori_id'], city[8]['name']) == (20, 'vegetation')
    viper = frames.table_categories('viper', 'vps_categories')
    assert [c['isthing'] for c in viper] == [0] * 13 + [1] * 10
    assert viper[13]['ori_id'] == 13 and viper[10]['ori_id'] == 14
