"""What the three panoptic datasets have in common."""
import numpy as np
import pytest
import torch

from mmvis_plugin.datasets.class_tables import table_categories
from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import FRAMES, HEIGHT, KINDS, WIDTH, PanopticData


@pytest.fixture(params=KINDS)
def made(request, tmp_path):
    return PanopticData(tmp_path, request.param)


def labels_of(categories, number):
    """Return category id to label, counted out by hand."""
    order = [c['id'] for c in categories if c['isthing']]
    order += [c['id'] for c in categories if not c['isthing']]
    assert len(order) == number
    return {category: label for label, category in enumerate(order)}


def test_records(made):
    dataset = made.build()
    table = table_categories(made.kind)
    label_of = labels_of(table, len(table))
    assert [dataset.get_data_info(v)['video_id'] for v in range(2)] == [1, 2]
    used, img_ids = {}, []
    for v in range(2):
        video = dataset.get_data_info(v)
        assert video['video_name'] == made.names(v, 0)[0]
        assert video['video_length'] == FRAMES
        for t, image in enumerate(video['images']):
            assert image['frame_id'] == t and image['has_ann'] is True
            assert image['img_path'] == made.image_path(v, t)
            assert image['seg_map_path'] == made.map_path(v, t)
            assert (image['height'], image['width']) == (HEIGHT, WIDTH)
            assert image['instances'] == []
            img_ids.append(image['img_id'])
            raw = made.annotation(v, t)[0]['segments_info']
            for segment, source in zip(image['segments_info'], raw):
                label = label_of[source['category_id']]
                assert segment == dict(
                    id=source['id'],
                    category=label,
                    is_thing=source['category_id'] in made.things,
                    iscrowd=source['iscrowd'],
                    instance_id=segment['instance_id'],
                    area=source['area'])
                key = v, source['id']
                assert used.setdefault(
                    key, segment['instance_id']) == segment['instance_id']
    assert sorted(used.values()) == list(range(1, 9))
    assert len(set(img_ids)) == 2 * FRAMES
    steps = 5 if made.kind == 'cityscapes_vps' else 1
    numbers = [image['src_frame'] for image in video['images']]
    assert np.diff(numbers).tolist() == [steps] * (FRAMES - 1)


def test_metainfo_of_the_table(made):
    meta = made.build(lazy_init=True).metainfo
    assert meta == {
        key: value
        for key, value in made.build().metainfo.items()
        if key not in ('label2cat', 'video_ids')
    }
    table = table_categories(made.kind)
    things = tuple(c['name'] for c in table if c['isthing'])
    stuff = tuple(c['name'] for c in table if not c['isthing'])
    assert meta['classes'] == things + stuff
    assert meta['thing_classes'] == things
    assert meta['stuff_classes'] == stuff
    colors = {c['name']: tuple(c['color']) for c in table}
    assert meta['palette'] == [colors[name] for name in meta['classes']]
    meta = made.build().metainfo
    ids = {c['name']: c['id'] for c in table}
    assert meta['label2cat'] == tuple(ids[name] for name in meta['classes'])
    assert meta['video_ids'] == (1, 2)


def test_maps_and_things_are_those_of_the_files(made):
    dataset = made.build()
    label_of = labels_of(
        table_categories(made.kind), len(dataset.metainfo['classes']))
    for v in range(2):
        clip = dataset[v]['data_samples']
        for t in range(FRAMES):
            ids = made.ids[v, t]
            frame = clip[t]
            pan = frame.gt_panoptic_seg.pan_seg
            assert pan.dtype == torch.int32
            assert np.array_equal(pan[0].numpy(), ids)
            sem = np.full(ids.shape, 255)
            for segment in made.annotation(v, t)[0]['segments_info']:
                sem[ids == segment['id']] = label_of[segment['category_id']]
            assert frame.gt_sem_seg.sem_seg.dtype == torch.uint8
            assert np.array_equal(frame.gt_sem_seg.sem_seg[0], sem)
            crowd = v == 1 and t != 1
            assert len(frame.gt_instances) == 2 - (t == 1) - crowd
            assert len(frame.ignored_instances) == crowd
            check_things(frame, ids)


def check_things(frame, ids):
    """Hold boxes and masks of a frame against its map."""
    things = {
        s['instance_id']: s
        for s in frame.segments_info if s['is_thing']
    }
    for instances in (frame.gt_instances, frame.ignored_instances):
        for i in range(len(instances)):
            segment = things.pop(int(instances.instances_ids[i]))
            mask = ids == segment['id']
            rows, cols = np.nonzero(mask)
            assert np.array_equal(instances.masks.masks[i], mask)
            assert instances.bboxes[i].tolist() == [
                cols.min(),
                rows.min(),
                cols.max() + 1,
                rows.max() + 1
            ]
            assert int(instances.labels[i]) == segment['category']
    assert not things


def test_categories_are_known_by_their_id(made):
    first = made.data['categories'][0]
    first['name'] = 'misspelt'
    assert made.build().metainfo['classes'] == made.build(
        lazy_init=True).metainfo['classes']
    first['isthing'] = 1 - first['isthing']
    with pytest.raises(
            AnnotationError,
            match=r'gt.json: category 0 \(misspelt\) has isthing \d, '
            'expected \\d; correct it, or set class_table'):
        made.build()


def test_without_a_table_the_file_names_the_classes(made):
    names = {c['id']: c['name'] for c in made.data['categories']}
    made.data['categories'] = [
        dict(id=c['id'], name=f'my {c["name"]}', isthing=c['isthing'] == 1)
        for c in made.data['categories'] if c['id'] in made.things + made.stuff
    ][::-1]
    meta = made.build(class_table=None).metainfo
    assert meta['classes'] == tuple(f'my {names[i]}'
                                    for i in made.things + made.stuff)
    assert meta['thing_classes'] == meta['classes'][:2]
    assert 'palette' not in meta
    del made.data['categories'][0]['isthing']
    with pytest.raises(AnnotationError, match='isthing None, expected 0 or 1'):
        made.build(class_table=None)


def test_some_classes_of_the_table(made):
    names = {c['id']: c['name'] for c in table_categories(made.kind)}
    classes = [names[made.things[1]], names[made.stuff[0]]]
    with pytest.raises(
            AnnotationError,
            match='unknown category '
            f'{made.stuff[1]}: not in the class list'):
        made.build(metainfo=dict(classes=classes[1:]))
    dataset = made.build(metainfo=dict(classes=classes), unknown='drop')
    meta = dataset.metainfo
    assert meta['classes'] == tuple(classes)
    assert meta['thing_classes'] == (classes[0], )
    assert meta['stuff_classes'] == (classes[1], )
    assert meta['label2cat'] == (made.things[1], made.stuff[0])
    assert len(meta['palette']) == 2
    frame = dataset[0]['data_samples'][0]
    kept = [1000 * (made.things[1] + 1) + 2, made.stuff[0] + 1]
    ids = made.ids[0, 0] * np.isin(made.ids[0, 0], kept)
    assert np.array_equal(frame.gt_panoptic_seg.pan_seg[0], ids)
    assert len(frame.gt_instances) == 1 and len(frame.void_ids) == 2
    with pytest.raises(ValueError, match='expected things first'):
        made.build(metainfo=dict(classes=classes[::-1]), unknown='drop')
    own = dict(classes=classes, palette=[(1, 2, 3), (4, 5, 6)])
    assert made.build(
        metainfo=own, unknown='drop').metainfo['palette'] == [(1, 2, 3),
                                                              (4, 5, 6)]


def test_filters_count_segments(made):
    made.annotation(0, 1)[0]['segments_info'] = []
    options = dict(test_mode=False, pipeline=[])
    keep = dict(min_size=1)

    def lengths(**filters):
        dataset = made.build(filter_cfg={**keep, **filters}, **options)
        return [
            dataset.get_data_info(i)['video_length']
            for i in range(len(dataset))
        ]

    assert lengths() == [2, 3]
    assert lengths(filter_empty_gt=False) == [3, 3]
    assert lengths(min_frames=3) == [3]
    assert lengths(max_frames=1) == [1, 1]
    with pytest.raises(
            AnnotationError, match="no video left of 2; .*'frame smaller"):
        made.build(filter_cfg=dict(min_size=HEIGHT + 1), **options)
    dataset = made.build(filter_cfg=dict(keep, min_track_len=3), **options)
    images = dataset.get_data_info(1)['images']
    flags = [{
        s['id'] % 10: s.get('ignore_flag')
        for s in image['segments_info'] if s['is_thing']
    } for image in images]
    # a crowd is ignored anyway
    assert flags == [{1: None, 2: None}, {1: None}, {1: None, 2: None}]
    images = dataset.get_data_info(0)['images']
    assert [
        s.get('ignore_flag') for s in images[0]['segments_info']
        if s['is_thing']
    ] == [1, 1]


def test_a_prefix_for_maps_is_needed(made):
    made.write()
    with pytest.raises(ValueError, match='expected a key seg_map_path'):
        type(made.build(lazy_init=True))(
            ann_file='gt.json',
            data_root=str(made.root),
            data_prefix=dict(img_path='img/'))
