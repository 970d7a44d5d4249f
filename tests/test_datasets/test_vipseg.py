import numpy as np
import pytest

from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import FRAMES, PanopticData


@pytest.fixture
def made(tmp_path):
    return PanopticData(tmp_path, 'vipseg')


def test_frames_are_named_after_maps(made):
    dataset = made.build(img_suffix='.jpg', check_files='none')
    images = dataset.get_data_info(1)['images']
    for t in range(FRAMES):
        assert images[t]['img_path'] == made.image_path(1, t).replace(
            '.png', '.jpg')
        assert images[t]['seg_map_path'] == made.map_path(1, t)
        assert images[t]['src_img_id'] == f'{t:08d}'


def test_duplicate_videos(made):
    made.data['videos'].append(made.data['videos'][0])
    with pytest.raises(
            AnnotationError, match=r'videos\[2\] repeats video id 0_clip'):
        made.build()
    del made.data['videos'][2]
    made.data['annotations'].append(made.data['annotations'][0])
    with pytest.raises(
            AnnotationError,
            match=r'annotations\[2\] repeats video id 0_clip'):
        made.build()


def test_videos_and_annotations_are_one_to_one(made):
    made.data['annotations'][0]['video_id'] = 'x'
    with pytest.raises(
            AnnotationError,
            match=r'annotations\[0\] belongs to video x, which is not in'):
        made.build()
    del made.data['annotations'][0]
    with pytest.raises(
            AnnotationError, match=r"videos \['0_clip'\] have no annotation"):
        made.build()


def test_video_without_frames(made):
    made.data['videos'][0]['images'] = []
    made.data['annotations'][0]['annotations'] = []
    with pytest.raises(
            AnnotationError, match='video 0_clip .id 1. has zero frames'):
        made.build()
    dataset = made.build(empty_video='drop')
    assert dataset.metainfo['video_ids'] == (2, )
    frame = dataset[0]['data_samples'][0]
    assert np.array_equal(frame.gt_panoptic_seg.pan_seg[0], made.ids[1, 0])


def test_frames_in_another_order(made):
    for v in range(2):
        for frames in made.lists(v):
            frames.reverse()
    dataset = made.build()
    for v in range(2):
        clip = dataset[v]['data_samples']
        for t in range(FRAMES):
            assert clip[t].src_frame == t
            assert np.array_equal(clip[t].gt_panoptic_seg.pan_seg[0],
                                  made.ids[v, t])
