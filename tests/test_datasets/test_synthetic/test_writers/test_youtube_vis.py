import json

import cv2
import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis


@pytest.fixture(scope='module')
def root(rich_cfg, tmp_path_factory):
    root = tmp_path_factory.mktemp('youtube_vis') / 'set'
    assert write_youtube_vis(str(root), rich_cfg)
    return root


def decode(rle):
    """Decode an uncompressed RLE with a loop over its runs."""
    flat, value = [], 0
    for run in rle['counts']:
        flat += [value] * run
        value = 1 - value
    return np.array(flat, dtype=bool).reshape(rle['size'], order='F')


@pytest.mark.parametrize('split, name', [('train', 'train.json'),
                                         ('val', 'valid_with_gt.json')])
def test_annotations_are_the_maps_of_the_generator(root, rich_cfg, split,
                                                   name):
    data = json.loads((root / name).read_text())
    assert len(data['videos']) == rich_cfg.num_videos(split)
    ids = [track['id'] for track in data['annotations']]
    assert ids == list(range(1, len(ids) + 1))
    for entry in data['videos']:
        video = generate_video(rich_cfg, split, entry['id'] - 1)
        tracks = [
            t for t in data['annotations'] if t['video_id'] == entry['id']
        ]
        seen = [o for o in video.objects if video.mask(o.object_id).any()]
        assert len(tracks) == len(seen)
        for track, card in zip(tracks, seen):
            assert track['category_id'] == card.label + 1
            assert track['iscrowd'] == card.iscrowd
            check_track(track, video.mask(card.object_id))
    assert any(track['iscrowd'] for track in data['annotations'])


def check_track(track, masks):
    assert track['length'] == len(masks) == len(track['bboxes'])
    for mask, rle, box, area in zip(masks, track['segmentations'],
                                    track['bboxes'], track['areas']):
        if not mask.any():
            assert rle is None and box is None and area is None
            continue
        assert (decode(rle) == mask).all()
        assert area == mask.sum()
        rows, cols = np.nonzero(mask)
        assert box == [
            cols.min(),
            rows.min(),
            cols.max() - cols.min() + 1,
            rows.max() - rows.min() + 1
        ]


@pytest.mark.parametrize('split, name, folder',
                         [('train', 'train.json', 'train'),
                          ('val', 'valid.json', 'valid')])
def test_frames_are_the_images_of_the_generator(root, rich_cfg, split, name,
                                                folder):
    data = json.loads((root / name).read_text())
    for entry in data['videos']:
        video = generate_video(rich_cfg, split, entry['id'] - 1)
        assert entry['length'] == len(entry['file_names']) == 8
        assert (entry['height'], entry['width']) == (64, 96)
        for t, file_name in enumerate(entry['file_names']):
            assert file_name == f'{video.name}/{t:05d}.jpg'
            path = root / folder / 'JPEGImages' / file_name
            image = cv2.imread(str(path))[..., ::-1].astype(int)
            assert np.abs(image - video.frames[t]).mean() < 8


def test_valid_json_has_no_annotations_but_the_same_videos(root):
    plain = json.loads((root / 'valid.json').read_text())
    full = json.loads((root / 'valid_with_gt.json').read_text())
    assert 'annotations' not in plain
    assert plain['videos'] == full['videos']
    assert plain['categories'] == full['categories']


def test_label_stride_leaves_frames_out(tmp_path):
    cfg = get_cfg('micro', num_train=1, num_val=0, label_stride=3)
    write_youtube_vis(str(tmp_path), cfg)
    data = json.loads((tmp_path / 'train.json').read_text())
    (entry, ) = data['videos']
    assert entry['file_names'] == [
        'train_0000/00000.jpg', 'train_0000/00003.jpg'
    ]
    assert entry['length'] == 2
    assert len(list(tmp_path.rglob('*.jpg'))) == 2
    video = generate_video(cfg, 'train', 0)
    seen = [i for i in np.unique(video.id_maps[::3]) if i]
    assert len(seen) == len(data['annotations'])
    for object_id, track in zip(seen, data['annotations']):
        check_track(track, video.mask(object_id)[::3])


def test_png_frames_are_exact(tmp_path):
    cfg = get_cfg('micro', num_train=1, num_val=0, image_format='png')
    write_youtube_vis(str(tmp_path), cfg)
    video = generate_video(cfg, 'train', 0)
    image = cv2.imread(str(tmp_path / 'train/JPEGImages/train_0000/00004.png'))
    assert (image[..., ::-1] == video.frames[4]).all()


def test_categories_are_those_in_use(tmp_path):
    cfg = get_cfg('micro', num_train=1, num_val=1)
    write_youtube_vis(str(tmp_path / 'a'), cfg)
    data = json.loads((tmp_path / 'a/train.json').read_text())
    assert [(c['id'], c['name'])
            for c in data['categories']] == [(1, 'disc'), (2, 'square'),
                                             (3, 'triangle')]


def test_names_of_2021_have_official_ids(rich_cfg, root, tmp_path):
    write_youtube_vis(str(tmp_path / 'b'), rich_cfg, names='youtube_vis_2021')
    data = json.loads((tmp_path / 'b/train.json').read_text())
    names = {c['name']: c['id'] for c in data['categories']}
    assert len(names) == 8
    assert (names['airplane'], names['truck']) == (1, 37)
    shapes = json.loads((root / 'train.json').read_text())
    assert {t['category_id'] for t in data['annotations']} <= {*names.values()}
    assert [t['segmentations'] for t in data['annotations']
            ] == [t['segmentations'] for t in shapes['annotations']]
    with pytest.raises(ValueError, match="names='coco'"):
        write_youtube_vis(str(tmp_path / 'c'), rich_cfg, names='coco')
