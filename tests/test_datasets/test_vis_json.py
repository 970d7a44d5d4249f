import copy

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.annotation_checks import read_json
from mmvis_plugin.datasets.defects import Defects
from mmvis_plugin.datasets.vis_json import parse_vis_json
from mmvis_plugin.utils.errors import AnnotationError


def parse(vis, data=None):
    path = vis.write(data=data)
    return parse_vis_json(read_json(path), path)


def test_official_json_is_read_exactly(vis):
    source = parse(vis)
    assert source.annotated
    assert [c['name'] for c in source.categories] == ['disc', 'square']
    assert [v['video_name'] for v in source.videos] == ['clip1', 'clip2']
    seen = set()
    for video in source.videos:
        for t, image in enumerate(video['images']):
            assert image['src_frame'] == 5 * t
            assert (image['height'], image['width']) == (40, 60)
            for instance in image['instances']:
                track = instance['instance_id']
                mask = vis.masks[track][t]
                seen.add((track, t))
                assert np.array_equal(
                    mask_utils.decode(instance['mask']), mask)
                assert instance['area'] == mask.sum()
                rows, cols = np.nonzero(mask)
                assert instance['bbox'] == [
                    cols.min(),
                    rows.min(),
                    cols.max() + 1,
                    rows.max() + 1
                ]
    assert seen == {(track, t)
                    for track, masks in vis.masks.items()
                    for t, mask in enumerate(masks) if mask is not None}


def test_compressed_and_list_rles_are_the_same(vis):
    expected = parse(vis)
    for track in vis.data['annotations']:
        for t, rle in enumerate(track['segmentations']):
            if rle is not None:
                counts = mask_utils.encode(
                    np.asfortranarray(vis.masks[track['id']][t]))['counts']
                track['segmentations'][t] = dict(
                    size=rle['size'], counts=counts.decode())
    assert parse(vis) == expected


def test_image_ids_are_unique_in_the_file(vis):
    ids = [i['img_id'] for v in parse(vis).videos for i in v['images']]
    assert sorted(ids) == list(range(1, 9))


@pytest.mark.parametrize('annotations', ['absent', None, []])
def test_a_test_file_is_not_annotated(vis, annotations):
    if annotations == 'absent':
        del vis.data['annotations']
    else:
        vis.data['annotations'] = annotations
    source = parse(vis)
    assert not source.annotated
    assert not any(i['has_ann'] for v in source.videos for i in v['images'])


def test_boxes_and_areas_may_be_missing(vis):
    expected = parse(vis)
    for track in vis.data['annotations']:
        track['bboxes'] = [None] * 4
        del track['areas']
    found = parse(vis)
    for old, new in zip(expected.videos, found.videos):
        for a, b in zip(old['images'], new['images']):
            assert a['instances'] == b['instances']


def test_boxes_alone_give_instances_without_masks(vis):
    for track in vis.data['annotations']:
        del track['segmentations'], track['areas']
    instances = parse(vis).videos[0]['images'][0]['instances']
    assert len(instances) == 2
    assert all('mask' not in instance for instance in instances)
    assert instances[0]['area'] == 36


def spoil_video(key, value):

    def spoil(data):
        if value is KeyError:
            del data['videos'][1][key]
        else:
            data['videos'][1][key] = value

    return spoil


def spoil_track(key, value, frame=None):

    def spoil(data):
        track = data['annotations'][2]
        if value is KeyError:
            del track[key]
        elif frame is None:
            track[key] = value
        else:
            track[key][frame] = value

    return spoil


def rle(counts, size=(40, 60)):
    return dict(size=list(size), counts=counts)


NAMES = [f'clip2/{t:05d}.png' for t in (0, 10, 5, 15)]
BAD = [
    (spoil_video('file_names',
                 KeyError), 'key videos[1].file_names is missing'),
    (spoil_video('width', KeyError), 'key videos[1].width is missing'),
    (spoil_video('height', 0), 'videos[1] has height, width = (0, 60), '
     'expected positive numbers up to 65535'),
    (spoil_video('id', 1), 'videos[1] repeats video id 1, expected unique '
     'ids'),
    (spoil_video('file_names', NAMES), 'videos[1].file_names: frames out of '
     'order, clip2/00005.png follows clip2/00010.png; expected ascending '
     'frame numbers'),
    (spoil_video('file_names', ['a.png', 3]),
     'videos[1].file_names[1] is 3, expected a name or path of printable '
     'characters'),
    (spoil_video('file_names', NAMES[:1] * 4), 'videos[1].file_names: frame '
     'clip2/00000.png occurs twice, expected distinct files'),
    (spoil_video('length', 3), 'videos[1] has length 3, expected 4, the '
     'number of its file_names'),
    (spoil_video('name', 'a\nb'), "videos[1].name is 'a\\nb', expected a name "
     'or path of printable characters'),
    (spoil_track('id', 1), 'annotations[2] repeats annotation id 1, expected '
     'unique ids'),
    (spoil_track('video_id', 9), 'annotations[2] (id 3) belongs to video 9, '
     'which is not in videos'),
    (spoil_track('category_id', 4), 'unknown category 4 in annotations[2] '
     '(id 3)'),
    (spoil_track('category_id',
                 KeyError), 'key annotations[2].category_id is missing'),
    (spoil_track('segmentations', [None] * 3), 'annotation 3 has '
     'segmentations of length 3, expected 4, the number of file_names of '
     'video 2'),
    (spoil_track('bboxes', [None] * 5), 'annotation 3 has bboxes of length '
     '5, expected 4, the number of file_names of video 2'),
    (spoil_track('areas', 7), 'annotation 3 has areas of int, expected 4, '
     'the number of file_names of video 2'),
    (spoil_track('segmentations', rle([2400], (60, 40)), 1),
     'annotation 3, frame 1: RLE size [60, 40], expected the video size '
     '[40, 60] (height, width)'),
    (spoil_track('segmentations', rle([2000, 300]), 2),
     'annotation 3, frame 2: RLE counts add up to 2300 pixels, expected '
     '40 x 60 = 2400'),
    (spoil_track('segmentations', rle([2500, -100]), 0),
     'annotation 3, frame 0: RLE counts hold a negative run -100'),
    (spoil_track('segmentations', rle([2399.5, 0.5]), 0),
     'annotation 3, frame 0: RLE counts hold a value that is no integer'),
    (spoil_track('segmentations', rle('~~~~'), 3),
     'annotation 3, frame 3: compressed RLE counts are not decodable (a '
     'character outside the code)'),
    (spoil_track('segmentations', 'mask.png', 0),
     'annotation 3, frame 0: segmentation is a str, expected an RLE or a '
     'list of polygons'),
    (spoil_track('bboxes', [1, 2, 3], 0),
     'annotation 3, frame 0: bbox is [1, 2, 3], expected four finite numbers '
     'below 1e+06'),
    (spoil_track('areas', -2, 0), 'annotation 3, frame 0: area is -2, '
     'expected a finite number from 0 on'),
    (spoil_track('iscrowd', 'no'), "annotation 3, frame 0: iscrowd is 'no', "
     'expected 0 or 1'),
]


@pytest.mark.parametrize('spoil, message', BAD)
def test_bad_input_is_one_line_that_names_the_record(vis, spoil, message):
    data = copy.deepcopy(vis.data)
    spoil(data)
    path = vis.write(data=data)
    with pytest.raises(AnnotationError) as error:
        parse_vis_json(read_json(path), path)
    assert str(error.value) == f'{path}: {message}'


def test_duplicate_category_and_missing_categories(vis):
    vis.data['categories'].append(dict(id=3, name='other'))
    with pytest.raises(
            AnnotationError, match=r'categories\[2\] repeats '
            'category id 3'):
        parse(vis)
    del vis.data['categories']
    with pytest.raises(AnnotationError, match='key categories is missing'):
        parse(vis)


def test_a_track_needs_masks_or_boxes(vis):
    del vis.data['annotations'][0]['segmentations']
    del vis.data['annotations'][0]['bboxes']
    with pytest.raises(AnnotationError, match='annotation 1 has neither'):
        parse(vis)


def test_polygons_of_custom_data(vis):
    square = [10, 5, 16, 5, 16, 11, 10, 11]
    vis.data['annotations'][0]['segmentations'][0] = [square, [1, 2, 3]]
    source = parse(vis)
    instance = source.videos[0]['images'][0]['instances'][0]
    assert mask_utils.decode(instance['mask'])[5:11, 10:16].all()
    assert source.drops['polygon with < 6 numbers or odd length'] == 1


def test_every_broken_record_is_found_in_one_pass(vis):
    tracks = vis.data['annotations']
    tracks[0]['bboxes'][2] = [1]
    tracks[0]['segmentations'][3]['counts'] = [1]
    tracks[1]['category_id'] = 77
    tracks[3]['video_id'] = 9
    vis.data['videos'][1]['width'] = 0  # says nothing about its tracks
    path = vis.write()
    defects = Defects(collect=True)
    source = parse_vis_json(read_json(path), path, defects)
    assert [d[len(path):] for d in defects] == [
        ': videos[1] has height, width = (40, 0), expected positive numbers '
        'up to 65535',
        ': annotation 1, frame 2: bbox is [1], expected four finite numbers '
        'below 1e+06',
        ': annotation 1, frame 3: RLE counts add up to 1 pixels, expected '
        '40 x 60 = 2400',
        ': unknown category 77 in annotations[1] (id 2)',
        ': annotations[3] (id 4) belongs to video 9, which is not in videos',
    ]
    frames = source.videos[0]['images']
    assert [len(frame['instances']) for frame in frames] == [1, 1, 0, 0]


def test_a_box_without_a_mask_is_counted(vis):
    vis.data['annotations'][0]['segmentations'][0] = None
    source = parse(vis)
    assert len(source.videos[0]['images'][0]['instances']) == 1
    assert source.drops == {'box without a mask in its frame': 1}
