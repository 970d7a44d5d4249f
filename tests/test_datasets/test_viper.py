import os

import mmcv
import pytest

from mmvis_plugin.datasets.viper import video_of_frame
from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import PanopticData


@pytest.fixture
def made(tmp_path):
    return PanopticData(tmp_path, 'viper')


def frames(dataset):
    return [[image['src_frame'] for image in video['images']]
            for video in (dataset.get_data_info(i)
                          for i in range(len(dataset)))]


def test_names_of_frames():
    assert video_of_frame('002_00003') == ('002', 3)
    assert video_of_frame('a_b_7') == ('a_b', 7)
    for stem in ('00003', '_3', '002_', '002_x'):
        with pytest.raises(ValueError, match='expected <sequence>_<number>'):
            video_of_frame(stem)


def test_sequences(made):
    assert frames(made.build()) == [[0, 1, 2]] * 2
    dataset = made.build(sequences=['003'])
    assert len(dataset) == 1
    assert dataset.get_data_info(0)['video_name'] == '003'
    assert dataset.metainfo['video_ids'] == (2, )
    with pytest.raises(
            AnnotationError,
            match=r"gt.json: no sequences \['004'\], expected some of "
            r"\['002', '003'\]"):
        made.build(sequences=['003', '004'])


def test_number_and_step_of_frames(made):
    assert frames(made.build(frame_step=2)) == [[0, 2]] * 2
    assert frames(made.build(max_frames=2)) == [[0, 1]] * 2
    assert frames(made.build(max_frames=2, frame_step=2)) == [[0]] * 2
    with pytest.raises(ValueError, match='frame_step=0, max_frames=None of V'):
        made.build(frame_step=0)
    with pytest.raises(ValueError, match='max_frames=0 of VIPER'):
        made.build(max_frames=0)


@pytest.mark.parametrize('folder', ['', '002/'])
@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_place_and_ending_of_the_images(made, folder, suffix):
    for t in range(3):
        image = mmcv.imread(made.image_path(0, t))
        os.remove(made.image_path(0, t))
        mmcv.imwrite(image, f'{made.root}/img/{folder}002_{t:05d}{suffix}')
    dataset = made.build(check_files='all')
    assert [
        os.path.relpath(image['img_path'], made.root / 'img')
        for image in dataset.get_data_info(0)['images']
    ] == [f'{folder}002_{t:05d}{suffix}' for t in range(3)]
    dataset[0]


def test_images_may_be_nowhere(made):
    for t in range(3):
        os.remove(made.image_path(0, t))
    with pytest.raises(FileNotFoundError, match='002_00000.png .video 002'):
        made.build()


def test_name_of_a_frame_without_a_sequence(made):
    made.data['images'][1]['file_name'] = '00007.png'
    with pytest.raises(
            AnnotationError, match=r'images\[1\] has file_name 00007.png: '):
        made.build()
