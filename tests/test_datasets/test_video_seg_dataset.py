import json

import pytest
from mmengine.logging import MMLogger

from mmvis_plugin.datasets import VideoSegDataset, VideoSource, YouTubeVIS
from mmvis_plugin.utils.errors import AnnotationError


def test_index_forms_in_test_mode(vis, collect):
    dataset = vis.build(test_mode=True, pipeline=[collect])
    assert len(dataset) == 2
    cases = {1: [0, 1, 2, 3], (1, 2): [2], (0, 1, 4): [1, 2, 3]}
    for index, frames in cases.items():
        results = dataset[index]
        assert results['frame_id'] == frames
        assert results['ori_video_length'] == [4] * len(frames)
        assert results['video_length'] == [len(frames)] * len(frames)
        video = index[0] if isinstance(index, tuple) else index
        assert results['video_id'] == [video + 1] * len(frames)
        assert results['video_name'] == [f'clip{video + 1}'] * len(frames)


@pytest.mark.parametrize('index', [(0, 4), (0, 2, 5), (0, 3, 3), (0, -1)])
def test_frames_that_do_not_exist(vis, collect, index):
    dataset = vis.build(test_mode=True, pipeline=[collect])
    with pytest.raises(IndexError, match='clip1, which has 4 frames'):
        dataset[index]


def test_index_forms_in_training(vis, collect):
    dataset = vis.build(pipeline=[collect])
    assert len(dataset[0]['images']) == 4
    assert dataset[(0, 2)]['key_frame_id'] == 2
    window = dataset[(1, 1, 3)]
    assert [image['frame_id'] for image in window['images']] == [1, 2]
    assert window['video_length'] == 4


def test_metainfo_holds_classes_and_ids_of_the_file(vis):
    dataset = vis.build(test_mode=True)
    assert dataset.metainfo['classes'] == ('disc', 'square')
    assert dataset.metainfo['label2cat'] == (3, 5)
    assert dataset.metainfo['video_ids'] == (1, 2)
    assert dataset.cat2label == {3: 0, 5: 1}
    part = vis.build(test_mode=True, indices=[1], serialize_data=True)
    assert part.metainfo['video_ids'] == (2, )
    assert 'video_ids' not in vis.build().metainfo


def test_labels_follow_the_class_list_and_stay_on_the_instance(vis):
    swapped = vis.build(metainfo=dict(classes=('square', 'disc')))
    other = vis.build()
    labels = [
        obj['bbox_label']
        for obj in swapped.get_data_info(0)['images'][0]['instances']
    ]
    assert labels == [1, 0]
    assert swapped.metainfo['label2cat'] == (5, 3)
    assert other.metainfo['classes'] == ('disc', 'square')
    assert YouTubeVIS.METAINFO == {}


def test_class_list_without_a_class_of_the_file(vis):
    with pytest.raises(AnnotationError, match='no class in common'):
        vis.build(metainfo=dict(classes=('cat', )))
    with pytest.raises(AnnotationError, match='no class in common'):
        vis.build(version='2019')


def test_subset_of_classes(vis):
    with pytest.raises(AnnotationError, match='unknown category 5'):
        vis.build(metainfo=dict(classes=('disc', )))
    dataset = vis.build(metainfo=dict(classes=('disc', )), unknown='drop')
    assert dataset.drops['category 5 not in the class list'] == 6


def test_zero_frames(vis):
    vis.data['videos'].append(
        dict(id=9, width=60, height=40, length=0, file_names=[]))
    with pytest.raises(AnnotationError) as error:
        vis.build(test_mode=True)
    assert str(error.value) == (
        f'{vis.root / "train.json"}: video 9 (id 9) has zero frames, '
        "expected at least one; set empty_video='drop' to leave such videos "
        'out')
    dataset = vis.build(test_mode=True, empty_video='drop')
    assert len(dataset) == 2
    assert dataset.drops['video with zero frames'] == 1


def test_training_on_a_test_file(vis):
    del vis.data['annotations']
    with pytest.raises(
            AnnotationError,
            match=r'no annotations in .*train'
            r'.json \(a test file\?\)'):
        vis.build()
    dataset = vis.build(test_mode=True)
    assert not dataset.get_data_info(0)['images'][0]['has_ann']


def test_missing_frame_file_at_load(vis):
    path = vis.root / 'JPEGImages/clip2/00000.png'
    path.unlink()
    message = f'{path} (video clip2, frame 0); check data_root and data_prefix'
    for mode in ('first', 'all'):
        with pytest.raises(FileNotFoundError) as error:
            vis.build(check_files=mode)
        assert str(error.value) == message
    assert len(vis.build(check_files='none')) == 2


def test_no_filter_means_no_filter(vis):
    data = vis.coco_video()
    data['annotations'] = [
        ann for ann in data['annotations'] if ann['image_id'] == 1
    ]
    assert vis.build(data).get_data_info(0)['video_length'] == 4
    assert len(vis.build(data)) == 2
    filtered = vis.build(data, filter_cfg=dict())
    assert len(filtered) == 1
    assert filtered.get_data_info(0)['video_length'] == 1
    unfiltered = vis.build(data, filter_cfg=dict(), test_mode=True)
    assert len(unfiltered) == 2


def test_nothing_left_names_the_filters(vis):
    with pytest.raises(AnnotationError) as error:
        vis.build(filter_cfg=dict(min_size=50))
    assert str(error.value) == (
        f'{vis.root / "train.json"}: no video left of 2; left out: '
        "{'frame smaller than min_size': 8, 'video with too few frames left':"
        ' 2}; check filter_cfg')


@pytest.fixture
def log(monkeypatch):
    """Lines that the dataset logs."""
    lines = []

    class Logger:

        def info(self, line):
            lines.append(('info', line))

        def warning(self, line):
            lines.append(('warning', line))

    monkeypatch.setattr(MMLogger, 'get_current_instance', Logger)
    return lines


def test_what_is_left_out_is_logged_once_per_reason(vis, log):
    for track in vis.data['annotations'][:3]:
        track['segmentations'][0] = dict(size=[40, 60], counts=[2400])
    dataset = vis.build(filter_cfg=dict(max_frames=3))
    assert log == [
        ('info', 'YouTubeVIS: left out 2: frame beyond max_frames'),
        ('info', 'YouTubeVIS: left out 1: frame without an instance'),
        ('info', 'YouTubeVIS: left out 3: mask area <= 0'),
    ]
    assert dataset.drops['mask area <= 0'] == 3


def test_class_that_the_file_lacks_is_a_warning(vis, log):
    dataset = vis.build(metainfo=dict(classes=('ring', 'disc', 'square')))
    assert log == [('warning',
                    f"{vis.root / 'train.json'}: 1 of 3 classes are absent "
                    'from the file: ring')]
    assert dataset.metainfo['label2cat'] == (6, 3, 5)


def test_wrong_option_names_the_choices():
    with pytest.raises(
            ValueError,
            match=r"check_files='some' of "
            r"VideoSegDataset, expected one of \('first', 'all'"):
        VideoSegDataset(check_files='some')


def test_a_video_without_a_clip_is_replaced_by_the_next(vis, collect):

    def only_second(results):
        return None if results['video_id'] == 1 else results

    dataset = vis.build(pipeline=[only_second])
    assert dataset[0]['video_id'] == dataset[1]['video_id'] == 2
    never = vis.build(pipeline=[lambda results: None])
    with pytest.raises(AnnotationError, match='none of 2 videos yields'):
        never[0]


def test_length_per_video(vis):
    dataset = vis.build(filter_cfg=dict(max_frames=3))
    assert [dataset.get_len_per_video(i) for i in range(2)] == [3, 3]
    assert dataset.num_all_imgs == 6


class TwoStills(VideoSegDataset):
    """A data source in a few lines: what a later benchmark writes."""

    def load_videos(self):
        frames = json.load(open(self.ann_file))
        images = [
            dict(
                img_id=i + 1,
                file_name=name,
                img_path=f'elsewhere/{name}',
                src_frame=-i,
                height=8,
                width=8,
                has_ann=True,
                seg_map_path=f'maps/{name}',
                segments_info=[dict(id=5, category=1)],
                instances=[]) for i, name in enumerate(frames)
        ]
        return VideoSource([dict(video_id=3, video_name='v', images=images)],
                           [dict(id=1, name='road')])


def test_a_source_of_its_own_needs_one_method(tmp_path):
    (tmp_path / 'list.json').write_text('["a.png", "b.png"]')
    dataset = TwoStills(
        ann_file=str(tmp_path / 'list.json'),
        check_files='none',
        filter_cfg=dict(min_size=4))
    images = dataset.get_data_info(0)['images']
    assert [i['img_path']
            for i in images] == ['elsewhere/b.png', 'elsewhere/a.png']
    assert [i['seg_map_path'] for i in images] == ['maps/b.png', 'maps/a.png']
    assert images[0]['segments_info'] == [dict(id=5, category=1)]
