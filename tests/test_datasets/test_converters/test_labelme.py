import base64
import io
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.converters.labelme import (find_labelme_videos,
                                                      read_labelme_file,
                                                      read_labelme_video)
from mmvis_plugin.utils.errors import AnnotationError
from ..mutations import check_mutations

SIZE = (24, 40)
OPTIONS = dict(classes=None, missing_id='label', keep_boxes=False)


def png_text(mask):
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, 'png')
    return base64.b64encode(buffer.getvalue()).decode()


def shapes():
    return [
        dict(
            label='cat',
            group_id=1,
            shape_type='polygon',
            flags={},
            points=[[2, 3], [12, 3], [12, 9], [2, 9]]),
        dict(
            label='cat',
            group_id=2,
            shape_type='rectangle',
            flags=dict(crowd=True),
            points=[[30, 20], [20, 10]]),
        dict(
            label='dog',
            group_id=None,
            shape_type='circle',
            flags={},
            points=[[20, 6], [20, 10]]),
        dict(
            label='owl',
            shape_type='mask',
            points=[[31, 2], [34, 4]],
            mask=png_text(np.eye(3, 4))),
        dict(label='dog', shape_type='line', points=[[1, 1], [5, 5]]),
    ]


def write(folder, stem, records, **extra):
    folder.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', SIZE[::-1]).save(folder / f'{stem}.jpg')
    data = dict(
        version='5.5.0',
        flags={},
        shapes=records,
        imagePath=f'{stem}.jpg',
        imageData=None,
        imageHeight=SIZE[0],
        imageWidth=SIZE[1])
    path = folder / f'{stem}.json'
    path.write_text(json.dumps({**data, **extra}))
    return path


def test_shapes_of_a_file(tmp_path):
    drops = Counter()
    image, size, found = read_labelme_file(
        str(write(tmp_path, '1', shapes())), drops)
    assert (image, size) == (str(tmp_path / '1.jpg'), SIZE)
    assert drops == {"shape of type 'line'": 1}
    assert [(s.label, s.track, s.is_box, s.iscrowd)
            for s in found] == [('cat', 1, False, False),
                                ('cat', 2, True, True),
                                ('dog', None, False, False),
                                ('owl', None, False, False)]
    expected = [np.zeros(SIZE, dtype=bool) for _ in range(4)]
    expected[0][3:9, 2:12] = True
    expected[1][10:20, 20:30] = True
    y, x = np.mgrid[:SIZE[0], :SIZE[1]] + 0.5
    expected[2] = (x - 20)**2 + (y - 6)**2 <= 16
    expected[3][[2, 3, 4], [31, 32, 33]] = True
    for one, mask in zip(found, expected):
        assert np.array_equal(mask_utils.decode(one.mask), mask)


def test_videos_and_the_order_of_their_frames(tmp_path):
    for stem in ('f2', 'f10', 'f1'):
        write(tmp_path / 'b/deep', stem, shapes()[:1])
    write(tmp_path / 'a', '1', [])
    write(tmp_path / '.hidden', '1', [])
    Image.new('RGB', SIZE[::-1]).save(tmp_path / 'b/deep/f7.png')
    (tmp_path / 'train.json').write_text('{}')  # a result
    videos = find_labelme_videos(str(tmp_path))
    assert list(videos) == ['a', 'b/deep']
    files = [f'b/deep/f{n}.jpg' for n in (1, 2, 10)]
    task = str(tmp_path), 'v', videos['b/deep']
    record = read_labelme_video((*task, False, OPTIONS))
    assert record['file_names'] == files
    record = read_labelme_video((*task, True, OPTIONS))
    assert record['file_names'] == files[:2] + ['b/deep/f7.png'] + files[2:]
    areas = record['tracks'][0]['areas']
    assert areas == [60, 60, None, 60]
    alone = find_labelme_videos(str(tmp_path / 'a'))
    assert alone == {'a': [str(tmp_path / 'a/1.json')]}
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='empty: no labelme file'):
        find_labelme_videos(str(tmp_path / 'empty'))


def test_the_image_may_have_been_moved(tmp_path):
    path = write(tmp_path, '1', [], imagePath='..\\elsewhere\\1.jpg')
    assert read_labelme_file(str(path), {})[0] == str(tmp_path / '1.jpg')
    (tmp_path / '1.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'imagePath of .*1\.json\)'):
        read_labelme_file(str(path), {})


def test_frames_of_two_sizes(tmp_path):
    write(tmp_path, '1', [])
    path = write(tmp_path, '2', [], imageHeight=30, imageWidth=40)
    with pytest.raises(AnnotationError, match=r'image size \(24, 40\), exp'):
        read_labelme_file(str(path), {})
    Image.new('RGB', (40, 30)).save(tmp_path / '2.jpg')
    files = find_labelme_videos(str(tmp_path)).popitem()[1]
    with pytest.raises(
            AnnotationError,
            match=r'frame 2.jpg has size \(30, 40\), 1.jpg \(24, 40\)'):
        read_labelme_video((str(tmp_path), 'v', files, False, OPTIONS))


def test_two_files_of_one_frame(tmp_path):
    write(tmp_path, '1', [])
    write(tmp_path, '2', [], imagePath='1.jpg')
    files = find_labelme_videos(str(tmp_path)).popitem()[1]
    with pytest.raises(AnnotationError, match='2.json: annotates .*1.jpg, as'):
        read_labelme_video((str(tmp_path), 'v', files, False, OPTIONS))


def test_mutated_files(tmp_path):
    path = write(tmp_path, '1', shapes()[:4])

    def load(text):
        path.write_text(text)
        return [(s.label, s.track, s.iscrowd, s.mask)
                for s in read_labelme_file(str(path), Counter())[2]]

    lost = ('delete', 'null', 'type', 'empty')
    counts = check_mutations(
        json.loads(path.read_text()), load, path.name, {
            'shapes': lost[:3],
            'shapes.*': ('null', 'type', 'empty'),
            'shapes.*.label': lost,
            'shapes.*.group_id': ('nan', 'fraction'),
            'shapes.*.shape_type': ('null', 'type', 'empty', 'text', 'cut'),
            'shapes.*.points.*.*': ('delete', 'null', 'repeat', 'nan', 'huge'),
            'shapes.*.mask': (*lost, 'text'),
            'imageHeight': ('type', 'nudge', 'zero', 'nan', 'huge')
        })
    assert min(counts.values()) > 50
