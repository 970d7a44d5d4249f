import json

import numpy as np
import pytest

from mmvis_plugin.apis.outputs import PanopticPictures
from mmvis_plugin.structures import read_panoptic_map

META = dict(
    classes=('car', 'sky', 'road'),
    thing_classes=('car', ),
    label2cat=[4, 10, 20])


@pytest.fixture
def map_views(map_view):
    """Sky over two cars over void, then one of them and road."""
    return [
        map_view(0, [[1, 1, 1, 1], [7000, 7000, 9000, 255]]),
        map_view(1, [[3, 3, 1, 1], [9000, 9000, 2, 2]]),
    ]


def test_pictures_and_their_list(tmp_path, map_views, write):
    write(PanopticPictures(str(tmp_path / 'a'), META), map_views)
    first, second = (
        read_panoptic_map(str(tmp_path / f'a/0000{t}.png')) for t in range(2))
    np.testing.assert_array_equal(first,
                                  [[11, 11, 11, 11], [5001, 5001, 5002, 0]])
    # the same car has the same id; 3, the number of classes, is void
    np.testing.assert_array_equal(second,
                                  [[0, 0, 11, 11], [5002, 5002, 21, 21]])
    content = json.loads((tmp_path / 'a.json').read_text())
    assert content['categories'][0] == dict(id=4, name='car', isthing=1)
    video, = content['annotations']
    assert video['video_id'] == 'a'
    frames = video['annotations']
    assert [f['file_name'] for f in frames] == ['00000.png', '00001.png']
    for frame, ids in zip(frames, (first, second)):
        for segment in frame['segments_info']:
            mask = ids == segment['id']
            x, y, width, height = segment['bbox']
            assert mask.sum() == segment['area']
            assert mask[y:y + height, x:x + width].sum() == segment['area']
    assert [(s['id'], s['category_id'])
            for s in frames[1]['segments_info']] == [(11, 10), (21, 20),
                                                     (5002, 4)]


@pytest.mark.parametrize('meta', [
    None,
    dict(classes=None),
    dict(classes=('car', 'sky')),
])
def test_unknown_classes(tmp_path, map_views, meta):
    writer = PanopticPictures(str(tmp_path / 'a'), meta)
    with pytest.raises(ValueError, match='which of them are things') as error:
        writer.check(map_views[0].sample)
    assert '\n' not in str(error.value)


def test_no_list_after_an_error(tmp_path, map_views):
    with pytest.raises(RuntimeError):
        with PanopticPictures(str(tmp_path / 'a'), META) as writer:
            writer.write(map_views[0])
            raise RuntimeError
    assert not (tmp_path / 'a.json').exists()
