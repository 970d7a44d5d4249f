import copy
import json

import mmcv
import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmvis_plugin.datasets import ImageNetVID
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import check_mutations
from .naive_readers import read_coco_video

HEIGHT, WIDTH = 36, 50
LOAD = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations')
        ]),
    dict(type='PackClipInputs')
]


@pytest.fixture
def tree():
    """Two videos of two frames, a fox and a zebra in each; boxes only."""
    images, annotations = [], []
    for video in (1, 2):
        for t, number in enumerate((4, 9)):
            image_id = len(images) + 1
            images.append(
                dict(
                    id=image_id,
                    video_id=video,
                    frame_id=number,
                    file_name=f'val/v{video}/{number:06d}.JPEG',
                    height=HEIGHT,
                    width=WIDTH))
            for k, category in enumerate((12, 30)):
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=image_id,
                        video_id=video,
                        instance_id=2 * video + k,
                        category_id=category,
                        bbox=[3 + t, 4 + k, 10, 12],
                        area=120,
                        iscrowd=0,
                        occluded=0,
                        generated=1,
                        trackid=k))
    return dict(
        info=dict(split='vid_val'),
        categories=[
            dict(id=12, name='fox', wnid='n02118333'),
            dict(id=30, name='zebra', wnid='n02391049')
        ],
        videos=[dict(id=v, name=f'val/v{v}') for v in (1, 2)],
        images=images,
        annotations=annotations)


@pytest.fixture
def build(tmp_path, tree):
    """Return a function that writes the tree and builds the data set."""
    for image in tree['images']:
        path = tmp_path / 'Data' / image['file_name']
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((HEIGHT, WIDTH, 3), image['id'], np.uint8)
        mmcv.imwrite(picture, str(path.with_suffix('.png')))
        path.with_suffix('.png').rename(path)

    def build(text=None, **kwargs):
        text = json.dumps(tree) if text is None else text
        (tmp_path / 'vid.json').write_text(text)
        kwargs.setdefault('serialize_data', False)
        return ImageNetVID(
            ann_file='vid.json',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='Data'),
            **kwargs)

    return build


def test_frames_boxes_and_classes(build):
    dataset = build(test_mode=True, pipeline=LOAD)
    classes = dataset.metainfo['classes']
    assert len(classes) == 30 and dataset.metainfo['label2cat'][29] == 30
    sample = dataset[1]
    assert sample['inputs'].shape == (2, 3, HEIGHT, WIDTH)
    frames = sample['data_samples'].video_data_samples
    assert [frame.src_frame for frame in frames] == [4, 9]
    for t, frame in enumerate(frames):
        gt = frame.gt_instances
        assert gt.bboxes.tolist() == [[3 + t, 4, 13 + t, 16],
                                      [3 + t, 5, 13 + t, 17]]
        names = [classes[label] for label in gt.labels]
        assert names == ['fox', 'zebra'] and 'masks' not in gt
        assert gt.instances_ids.tolist() == [3, 4]


def test_masks_are_not_there(build):
    pipeline = copy.deepcopy(LOAD)
    pipeline[0]['transforms'][1]['with_mask'] = True
    with pytest.raises(AnnotationError, match='with_mask=False for data with'):
        build(pipeline=pipeline, test_mode=True)[0]


def test_there_is_one_version():
    with pytest.raises(ValueError, match='ImageNetVID has one version'):
        ImageNetVID(version='2015')


def spoil(*path, value):
    """Return a function that sets or deletes a node of the tree."""

    def apply(tree):
        for step in path[:-1]:
            tree = tree[step]
        if value is KeyError:
            del tree[path[-1]]
        else:
            tree[path[-1]] = value

    return apply


BAD = [
    (spoil('images', 2, 'file_name',
           value=KeyError), 'key images[2].file_name is missing'),
    (spoil('images', 2, 'width',
           value='50'), 'images[2].width is a str, expected int'),
    (spoil('annotations', 1, 'category_id',
           value=7), 'unknown category 7 in annotations[1] (id 2)'),
    (spoil('categories', 0, 'name', value='werewolf'),
     'unknown category 12 of instance 2: not in the class list; extend '
     "metainfo['classes'] or set unknown='drop'"),
    (spoil('categories', 0, 'name', value='zebra'),
     "two categories are named 'zebra', expected distinct names"),
    (spoil('videos', 1, 'id',
           value=1), 'videos[1] repeats video id 1, expected unique ids'),
    (spoil('images', 3, 'id',
           value=3), 'images[3] repeats image id 3, expected unique ids'),
    (spoil('annotations', 3, 'id', value=3),
     'annotations[3] repeats annotation id 3, expected unique ids'),
    (spoil('annotations', 1, 'instance_id', value=2),
     'annotations[1] repeats (image id, instance id) (1, 2), expected unique '
     'ids'),
    (spoil('annotations', 2, 'category_id', value=30),
     'instance 2 of video val/v1 changes its class from label 11 to 29 in '
     'frame 1, expected one class per track; set '
     "on_label_conflict='first' to keep the first"),
    (spoil('annotations', 2, 'bbox', value=[1, 2, 3]),
     'annotation 3, image 2: bbox is [1, 2, 3], expected four finite numbers '
     'below 1e+06'),
    (lambda tree: tree['videos'].append(dict(id=5, name='empty')),
     'video empty (id 5) has zero frames, expected at least one; set '
     "empty_video='drop' to leave such videos out"),
]


@pytest.mark.parametrize('apply, message', BAD)
def test_bad_records_are_one_line(build, tree, tmp_path, apply, message):
    apply(tree)
    with pytest.raises(AnnotationError) as error:
        build()
    assert str(error.value) == f'{tmp_path / "vid.json"}: {message}'


def test_ways_to_go_on(build, tree):
    tree['annotations'][2]['category_id'] = 30
    tree['videos'].append(dict(id=5, name='empty'))
    tree['categories'][0]['name'] = 'werewolf'
    dataset = build(
        on_label_conflict='first', empty_video='drop', unknown='drop')
    # frame 1 of instance 2 now is a zebra, the foxes are gone
    assert dataset.drops == {
        'category 12 not in the class list': 3,
        'video with zero frames': 1
    }


@pytest.mark.parametrize('text, message', [
    ('{"videos": [}', 'not valid JSON at line 1 column 13'),
    ('[]', 'top level is a list, expected a dict'),
    ('{}', "key videos is missing, expected 'videos' with 'file_names' "
     "(YouTube-VIS) or 'videos' and 'images' (COCO-video); convert labels "
     'of labelme or CVAT with tools/dataset_converters/labelme2ytvis.py or '
     'cvat2ytvis.py'),
])
def test_broken_text(build, tmp_path, text, message):
    with pytest.raises(AnnotationError) as error:
        build(text)
    assert str(error.value) == f'{tmp_path / "vid.json"}: {message}'


def test_missing_files(build, tree, tmp_path):
    frame = tmp_path / 'Data/val/v2/000009.JPEG'
    frame.unlink()
    with pytest.raises(FileNotFoundError) as error:
        build(check_files='all')
    assert str(error.value) == (f'{frame} (video val/v2, frame 1); check '
                                'data_root and data_prefix')
    with pytest.raises(FileNotFoundError) as error:
        build(test_mode=True, pipeline=LOAD)[1]
    assert str(error.value) == f'{frame} (video val/v2, frame 1)'
    with pytest.raises(FileNotFoundError) as error:
        ImageNetVID(ann_file='no.json', data_root=str(tmp_path))
    assert str(error.value) == (
        f'annotation file {tmp_path}/no.json not found (from data_root='
        f"'{tmp_path}', ann_file)")


def test_size_of_the_image(build, tree):
    for image in tree['images'][:2]:
        image['height'] = 40
    with pytest.raises(AnnotationError) as error:
        build(test_mode=True, pipeline=LOAD)[0]
    assert '(36, 50)' in str(error.value) and '(40, 50)' in str(error.value)
    assert '000004.JPEG' in str(error.value)


def test_training_on_a_test_file_and_nothing_left(build, tree, tmp_path):
    with pytest.raises(AnnotationError) as error:
        build(filter_cfg=dict(min_size=40))
    assert str(error.value) == (
        f"{tmp_path / 'vid.json'}: no video left of 2; left out: {{'frame "
        "smaller than min_size': 4, 'video with too few frames left': 2}; "
        'check filter_cfg')
    del tree['annotations']
    with pytest.raises(AnnotationError, match='no annotations in .*vid.json '):
        build()
    assert len(build(test_mode=True)) == 2


def test_absent_classes_are_a_warning(build, monkeypatch):
    lines = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'warning', lines.append)
    build()
    assert len(lines) == 1
    assert '28 of 30 classes are absent from the file: airplane' in lines[0]


def test_mutated_files(build, tree, monkeypatch):
    logger = MMLogger.get_current_instance()
    for name in ('warning', 'info'):
        monkeypatch.setattr(logger, name, lambda line: None)

    def load(text):
        dataset, videos = build(text, check_files='all'), []
        classes = dataset.metainfo['classes']
        for video in dataset.data_list:
            frames = [(image['file_name'],
                       sorted(
                           (obj['src_instance_id'], classes[obj['bbox_label']],
                            bool(obj['ignore_flag']), obj['bbox'], obj['area'],
                            None) for obj in image['instances']))
                      for image in video['images']]
            videos.append((video['video_id'], frames))
        return videos

    counts = check_mutations(
        tree,
        load,
        'vid.json',
        notice={
            'videos.*.id': ('delete', 'null', 'nan', 'fraction'),
            'images.*.frame_id': ('delete', 'null', 'nan', 'fraction'),
            'annotations.*.instance_id': ('delete', 'null', 'nan', 'fraction'),
            'annotations.*.bbox': ('delete', 'null', 'empty', 'cut'),
            'annotations.*.bbox.*': ('delete', 'null', 'nan', 'huge'),
        },
        expected=read_coco_video)
    assert min(counts.values()) > 50
