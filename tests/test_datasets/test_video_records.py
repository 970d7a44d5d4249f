from collections import Counter

import pytest

from mmvis_plugin.datasets.video_records import check_frame_files, finish_video
from mmvis_plugin.utils.errors import AnnotationError


def obj(track, category=1, bbox=(2, 2, 8, 8), area=20., ignore=0):
    return dict(
        instance_id=track,
        category_id=category,
        bbox=list(bbox),
        area=area,
        ignore_flag=ignore)


def video(*frames, numbers=None):
    numbers = numbers or range(len(frames))
    return dict(
        video_id=4,
        video_name='v',
        images=[
            dict(
                img_id=i + 1,
                src_frame=number,
                height=20,
                width=30,
                instances=list(frame))
            for i, (frame, number) in enumerate(zip(frames, numbers))
        ])


def finish(record, cat2label=None, first=1, unknown='error', conflict='error'):
    drops = Counter()
    after = finish_video(record, cat2label or {
        1: 0,
        2: 1
    }, first, 'f.json', unknown, conflict, drops)
    return after, drops


def test_ids_are_renumbered_over_the_dataset_and_zero_is_an_id():
    first = video([obj(7), obj(0)], [obj(0)])
    after, _ = finish(first)
    assert after == 3
    ids = [[o['instance_id'] for o in i['instances']] for i in first['images']]
    assert ids == [[2, 1], [1]]
    assert first['images'][0]['instances'][0]['src_instance_id'] == 7
    second = video([obj(0)])
    after, _ = finish(second, first=after)
    assert after == 4
    assert second['images'][0]['instances'][0]['instance_id'] == 3


def test_frames_are_sorted_and_gaps_stay_in_the_source_number():
    record = video([obj(1)], [], [obj(2)], numbers=[30, 10, 15])
    finish(record)
    assert [i['src_frame'] for i in record['images']] == [10, 15, 30]
    assert [i['frame_id'] for i in record['images']] == [0, 1, 2]
    assert record['video_length'] == 3


def test_instances_without_extent_are_dropped_and_counted():
    record = video([
        obj(1),
        obj(2, area=0),
        obj(3, bbox=(30, 2, 40, 9)),
        obj(4, bbox=(2, 2, 2.5, 9)),
        obj(5, bbox=(-4, -4, 3, 3))
    ])
    _, drops = finish(record)
    kept = [o['src_instance_id'] for o in record['images'][0]['instances']]
    assert kept == [1, 5]
    assert drops == {
        'mask area <= 0': 1,
        'box outside the frame': 1,
        'box narrower or lower than 1 pixel': 1
    }


def test_category_outside_the_class_list():
    with pytest.raises(AnnotationError) as error:
        finish(video([obj(3, category=9)]))
    assert str(error.value) == (
        'f.json: unknown category 9 of instance 3: not in the class list; '
        "extend metainfo['classes'] or set unknown='drop'")
    record = video([obj(3, category=9), obj(4)])
    _, drops = finish(record, unknown='drop')
    assert len(record['images'][0]['instances']) == 1
    assert drops == {'category 9 not in the class list': 1}


def test_track_that_changes_its_class():
    frames = [obj(3, 1)], [obj(3, 2)]
    with pytest.raises(AnnotationError) as error:
        finish(video(*frames))
    assert str(error.value) == (
        'f.json: instance 3 of video v changes its class from label 0 to 1 '
        'in frame 1, expected one class per track; set '
        "on_label_conflict='first' to keep the first")
    record = video([obj(3, 1)], [obj(3, 2)])
    finish(record, conflict='first')
    assert [i['instances'][0]['bbox_label']
            for i in record['images']] == [0, 0]


def test_frame_files(tmp_path):
    record = video([], [], [])
    for t, image in enumerate(record['images']):
        image.update(frame_id=t, img_path=str(tmp_path / f'{t}.png'))
    check_frame_files(record, 'none')
    with pytest.raises(FileNotFoundError) as error:
        check_frame_files(record, 'first')
    assert str(error.value) == (f'{tmp_path / "0.png"} (video v, frame 0); '
                                'check data_root and data_prefix')
    (tmp_path / '0.png').touch()
    check_frame_files(record, 'first')
    with pytest.raises(FileNotFoundError, match=r'1.png \(video v, frame 1'):
        check_frame_files(record, 'all')
    for t in (1, 2):
        (tmp_path / f'{t}.png').touch()
    check_frame_files(record, 'all')
    record['images'][0]['seg_map_path'] = str(tmp_path / 'mask.png')
    with pytest.raises(FileNotFoundError, match='mask.png'):
        check_frame_files(record, 'first')
