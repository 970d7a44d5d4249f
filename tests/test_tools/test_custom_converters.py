"""The command lines of labelme2ytvis, cvat2ytvis and check_vis_json."""
import base64
import io
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.generate import generate_video

TOOLS = Path(__file__).parents[2] / 'tools/dataset_converters'
NUM_FRAMES = 4


@pytest.fixture
def call(monkeypatch, capsys):

    def run(tool, *words):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(TOOLS / f'{tool}.py'), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code or 0, out, err

    return run


@pytest.fixture(scope='module')
def videos():
    cfg = get_cfg('micro', num_frames=NUM_FRAMES)
    return [generate_video(cfg, 'train', index) for index in range(2)]


def write_frames(folder, video):
    folder.mkdir(parents=True)
    for t, frame in enumerate(video.frames):
        Image.fromarray(np.asarray(frame)[..., ::-1].copy()).save(folder /
                                                                  f'{t}.png')


def objects(video, t):
    """Yield id, class and mask of the objects in a frame."""
    for card in video.objects:
        mask = video.id_maps[t] == card.object_id
        if mask.any():
            yield card.object_id, f'shape{card.label}', mask


def crop(mask):
    rows, cols = np.nonzero(mask)
    top, left = int(rows.min()), int(cols.min())
    return top, left, mask[top:rows.max() + 1, left:cols.max() + 1]


def write_labelme(folder, video):
    write_frames(folder, video)
    for t in range(NUM_FRAMES):
        shapes = []
        for number, label, mask in objects(video, t):
            top, left, cut = crop(mask)
            buffer = io.BytesIO()
            Image.fromarray(cut).save(buffer, 'png')
            shapes.append(
                dict(
                    label=label,
                    group_id=number,
                    shape_type='mask',
                    points=[[left, top], [left, top]],
                    mask=base64.b64encode(buffer.getvalue()).decode()))
        data = dict(shapes=shapes, imagePath=f'{t}.png')
        (folder / f'{t}.json').write_text(json.dumps(data))


def cvat_mask(t, mask):
    """Return the element of a mask; None for an object that has left."""
    outside = int(mask is None)
    top, left, cut = crop(np.ones((1, 1), bool) if outside else mask)
    runs, value, length = [], 0, 0
    for pixel in cut.ravel():  # row by row
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    runs = ', '.join(map(str, [*runs, length]))
    return (f'<mask frame="{t}" outside="{outside}" rle="{runs}" '
            f'left="{left}" top="{top}" width="{cut.shape[1]}" '
            f'height="{cut.shape[0]}"/>')


def write_cvat(folder, video):
    write_frames(folder, video)
    frames = [{
        number: (label, mask)
        for number, label, mask in objects(video, t)
    } for t in range(NUM_FRAMES)]
    tracks = {n: label for frame in frames for n, (label, _) in frame.items()}
    body = ''
    for number, label in tracks.items():
        masks = [frame.get(number, (label, None))[1] for frame in frames]
        shapes = ''.join(cvat_mask(t, mask) for t, mask in enumerate(masks))
        body += f'<track id="{number}" label="{label}">{shapes}</track>'
    folder.with_suffix('.xml').write_text(
        f'<annotations><version>1.1</version>{body}</annotations>')


WRITERS = dict(labelme2ytvis=write_labelme, cvat2ytvis=write_cvat)


@pytest.mark.parametrize('tool', sorted(WRITERS))
def test_exact_masks_of_moving_shapes(tool, call, videos, tmp_path):
    for index, video in enumerate(videos):
        WRITERS[tool](tmp_path / f'in/v{index}', video)
    words = [tmp_path / 'in', '-o', tmp_path / 'out', '--workers', 2]
    if tool == 'cvat2ytvis':
        words += ['--frames', tmp_path / 'in']
    code, out, err = call(tool, *words)
    assert code == 0, err
    assert f'train.json: written, 2 videos, {2 * NUM_FRAMES} frames' in out
    dataset = YouTubeVIS(
        ann_file=str(tmp_path / 'out/train.json'),
        data_prefix=dict(img_path=str(tmp_path / 'in')),
        check_files='all')
    classes, ids = dataset.metainfo['classes'], {}
    for index, video in enumerate(videos):
        images = dataset.get_data_info(index)['images']
        assert len(images) == NUM_FRAMES
        for t, image in enumerate(images):
            found = {
                mask_utils.decode(o['mask']).tobytes(): o
                for o in image['instances']
            }
            expected = list(objects(video, t))
            assert len(found) == len(expected)
            for number, label, mask in expected:
                obj = found[np.asfortranarray(mask.astype(np.uint8)).tobytes()]
                assert classes[obj['bbox_label']] == label
                assert ids.setdefault((index, number),
                                      obj['instance_id']) == obj['instance_id']
    assert len(set(ids.values())) == len(ids)
    report = call('check_vis_json', tmp_path / 'out/train.json',
                  '--img-prefix', tmp_path / 'in', '--decode')
    assert report[0] == 0 and f'tracks: {len(ids)}\n' in report[1]
    code, out, _ = call(tool, *words)
    assert code == 0 and 'already there, nothing to do' in out


@pytest.mark.parametrize('words, message', [
    (('labelme2ytvis', 'none', '-o', 'o'), 'none: no labelme file'),
    (('labelme2ytvis', 'none', '-o', 'o', '--val-ratio', 1), '--val-ratio'),
    (('cvat2ytvis', 'none', '--frames', 'f', '-o', 'o'), 'none: no such file'),
    (('cvat2ytvis', '.', '--frames', 'f', '-o', 'o'), 'no XML file in .'),
    (('cvat2ytvis', 'a/x.xml', 'b/x.xml', '--frames', 'f', '-o', 'o'),
     'another file is named x, too'),
    (('check_vis_json', 'none', '--decode'), '--decode needs --img-prefix'),
    (('check_vis_json', 'none', '--workers', 0), '--workers 0'),
    (('check_vis_json', 'none', '--img-prefix', 'x'), 'x: no such folder'),
])
def test_wrong_calls_end_with_one_line(words, message, call, tmp_path,
                                       monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in 'ab':
        (tmp_path / name).mkdir()
        (tmp_path / name / 'x.xml').write_text('<annotations/>')
    code, _, err = call(*words)
    assert code == 1 and err.startswith('error: ') and message in err
    assert err.count('\n') == 1


def test_the_checker_prints_every_defect_or_a_summary(call, tmp_path):
    path = tmp_path / 'a.json'
    video = dict(id=1, height=4, width=6, file_names=['a/1.jpg'])
    data = dict(
        videos=[video], categories=[dict(id=1, name='x')], annotations=[])
    path.write_text(json.dumps(data))
    code, out, _ = call('check_vis_json', path)
    assert code == 0 and out == (
        f'{path}: no defect\nform: YouTube-VIS\nvideos: 1\nframes: 1\n'
        'tracks: 0\nobjects: 0\ncategories: 1\n'
        'no annotations: for test_mode=True only\n')
    data['annotations'] = [
        dict(id=i, video_id=1, category_id=i, segmentations=[3])
        for i in (1, 2)
    ]
    path.write_text(json.dumps(data))
    code, out, _ = call('check_vis_json', path)
    assert code == 1 and out == (
        f'{path}: annotation 1, frame 0: segmentation is a int, expected an '
        'RLE or a list of polygons\n'
        f'{path}: unknown category 2 in annotations[1] (id 2)\n'
        f'{path}: 2 defect(s)\n')
