import copy
import json

import numpy as np
import pytest
from mmengine.fileio import copyfile

from mmvis_plugin.datasets.cityscapes_vps import video_of_frame
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import check_mutations
from .panoptic_data import HEIGHT, LOAD, WIDTH, PanopticData


@pytest.fixture
def made(tmp_path):
    return PanopticData(tmp_path, 'cityscapes_vps')


@pytest.fixture
def with_all(made):
    """Add a frame before each labelled one; ids are numbers there."""
    images = []
    for v in range(2):
        for t in range(3):
            name = made.names(v, t)[1]
            between = name.replace(f'{5 * t + 4:06d}', f'{5 * t + 2:06d}')
            for file_name in (between, name):
                (made.root / 'all').mkdir(exist_ok=True)
                copyfile(made.image_path(v, t), made.root / 'all' / file_name)
                images.append(
                    dict(
                        id=len(images),
                        file_name=file_name,
                        width=WIDTH,
                        height=HEIGHT))
    made.every = dict(images=images)
    return made


def build_all(made, **kwargs):
    (made.root / 'im_all.json').write_text(json.dumps(made.every))
    kwargs.setdefault('all_frames_file', 'im_all.json')
    dataset = made.build(frames='all', lazy_init=True, **kwargs)
    dataset.data_prefix['img_path'] = str(made.root / 'all')
    dataset.full_init()
    return dataset


def test_names_of_frames():
    for ending in ('', '_newImg8bit', '_leftImg8bit'):
        stem = f'0005_0025_frankfurt_000000_001736{ending}'
        assert video_of_frame(stem) == ('0005', 1736)
    assert video_of_frame('abcdef') == ('abcd', None)


def test_all_frames_with_the_labelled_ones_among_them(with_all):
    dataset = build_all(with_all)
    for v in range(2):
        images = dataset.get_data_info(v)['images']
        assert [i['src_frame'] for i in images] == [2, 4, 7, 9, 12, 14]
        assert [i['has_ann'] for i in images] == [False, True] * 3
        assert [i['frame_id'] for i in images] == list(range(6))
        assert ['seg_map_path' in i for i in images] == [False, True] * 3
        assert all('/all/' in i['img_path'] for i in images)
        frames = dataset[v]['data_samples']
        for t in range(3):
            bare, labelled = frames[2 * t], frames[2 * t + 1]
            assert bare.has_ann is False and bare.seg_map_path is None
            assert bare.src_img_id is None
            assert bare.gt_panoptic_seg.pan_seg.eq(0).all()
            assert len(bare.gt_instances) == len(bare.segments_info) == 0
            assert np.array_equal(labelled.gt_panoptic_seg.pan_seg[0],
                                  with_all.ids[v, t])
            assert labelled.src_img_id == with_all.image(v, t)[0]['id']
    ids = [i.img_id for v in range(2) for i in dataset[v]['data_samples']]
    assert len(set(ids)) == 12


def test_name_of_the_list_of_all_frames(with_all):
    dataset = with_all.build(frames='all', lazy_init=True)
    for name in ('panoptic_gt_val_city_vps.json',
                 'panoptic_im_val_city_vps.json'):
        dataset.ann_file = f'folder/{name}'
        path = dataset._all_frames_path()
        assert path == 'folder/im_all_info_val_city_vps.json'
    with pytest.raises(
            FileNotFoundError,
            match='nothing.json not found .from data_root.*all_frames_file, '
            "frames='all'"):
        build_all(with_all, all_frames_file='nothing.json')


def test_lists_that_do_not_belong_together(with_all):
    lost = with_all.every['images'].pop(3)['file_name']
    with pytest.raises(
            AnnotationError,
            match=f"im_all.json: 1 labelled images of .*gt.json are not among "
            rf"its images: \['{lost}'\]"):
        build_all(with_all)
    del with_all.every['images'][0]['id']
    with pytest.raises(
            AnnotationError, match=r'im_all.json: key images\[0\].id'):
        build_all(with_all)


def test_unknown_option(made):
    with pytest.raises(ValueError, match="frames='every' of CityscapesVPS"):
        made.build(frames='every')


def test_frames_without_a_number_keep_their_order(made):
    for t, letter in enumerate('bac'):
        made.image(0, t)[0]['file_name'] = f'0001_{letter}.png'
    images = made.build(check_files='none').get_data_info(0)['images']
    assert [image['file_name'][5] for image in images] == list('bac')
    assert [image['src_frame'] for image in images] == [0, 1, 2]


def test_training_clips_hold_a_labelled_frame(with_all):
    np.random.seed(0)
    dataset = build_all(
        with_all,
        test_mode=False,
        pipeline=[dict(type='ClipSample', num_frames=1), *LOAD])
    seen = set()
    for _ in range(20):
        frame = dataset[0]['data_samples'][0]
        assert frame.has_ann is True
        seen.add(frame.src_frame)
    assert seen == {4, 9, 14}


def test_broken_lists_of_all_frames(with_all):
    sound = copy.deepcopy(with_all.every)
    every = with_all.root / 'im_all.json'

    def load(text):
        every.write_text(text)
        dataset = with_all.build(
            frames='all',
            all_frames_file='im_all.json',
            check_files='none',
            pipeline=[])
        return [[(i['src_frame'], i['has_ann'], i['height'], i['width'])
                 for i in video['images']] for video in dataset.data_list]

    number = ('delete', 'null', 'type', 'nan', 'fraction', 'zero', 'negative')
    counts = check_mutations(
        sound, load, 'im_all.json', {
            'images': ('delete', 'null', 'type', 'empty', 'cut'),
            'images.*': ('null', 'type', 'repeat', 'empty'),
            'images.*.id': ('delete', 'null', 'fraction', 'nan'),
            'images.*.file_name': ('delete', 'null', 'type', 'empty'),
            'images.*.width': number,
            'images.*.height': number
        })
    assert min(counts.values()) > 50, counts
