import json

import mmcv
import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmvis_plugin.datasets import ImageNetDET
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import check_mutations
from .naive_readers import read_coco_instances

FOX, ZEBRA, OTHER = 12, 30, 31
PIPELINE = [
    dict(type='ClipSample', num_frames=3, mode='dense'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations'),
            dict(
                type='RandomChoiceResize',
                scales=[(96, 48), (96, 64)],
                keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]


@pytest.fixture
def tree(tmp_path):
    """Two images; a fox and a zebra in the first, a fox in the second."""
    images = []
    for i in (1, 2):
        name = f'train/n0/n0_{i}.png'
        picture = np.random.default_rng(i).integers(0, 255, (40, 60, 3))
        mmcv.imwrite(picture.astype(np.uint8), str(tmp_path / name))
        images.append(dict(id=i, file_name=name, height=40, width=60))
    annotations = [
        dict(
            id=i,
            image_id=image,
            category_id=category,
            bbox=[4 * i, 5, 20, 16],
            area=320,
            iscrowd=0)
        for i, (image,
                category) in enumerate([(1, FOX), (1, ZEBRA), (2, FOX)], 1)
    ]
    categories = [
        dict(id=i, name=name)
        for i, name in ((FOX, 'fox'), (ZEBRA, 'zebra'), (OTHER, 'other'))
    ]
    return dict(images=images, categories=categories, annotations=annotations)


@pytest.fixture
def build(tmp_path, tree):
    """Return a function that writes the tree and builds the data set."""

    def build(text=None, **kwargs):
        text = json.dumps(tree) if text is None else text
        (tmp_path / 'det.json').write_text(text)
        return ImageNetDET(
            ann_file='det.json',
            data_root=str(tmp_path),
            serialize_data=False,
            **kwargs)

    return build


def test_a_clip_is_three_times_the_same_image(build):
    dataset = build(pipeline=PIPELINE)
    assert len(dataset) == 2 and len(dataset.metainfo['classes']) == 30
    np.random.seed(0)
    seen = set()
    for _ in range(12):
        sample = dataset[0]
        inputs = sample['inputs']
        assert inputs.shape[0] == 3 and (inputs == inputs[:1]).all()
        frames = sample['data_samples'].video_data_samples
        assert [frame.frame_id for frame in frames] == [0, 1, 2]
        for frame in frames:
            gt = frame.gt_instances
            assert gt.labels.tolist() == [11, 29]
            assert gt.instances_ids.tolist() == [1, 2]
            assert gt.bboxes.equal(frames[0].gt_instances.bboxes)
            assert 'masks' not in gt
        seen.add((frames[0].flip, frames[0].img_shape))
    assert len(seen) == 4  # the draws differ from clip to clip


def test_the_31st_category_of_other_converters_is_left_out(build, tree):
    tree['annotations'][0]['category_id'] = OTHER
    tree['annotations'][2]['category_id'] = OTHER
    dataset = build(clip_length=2)
    assert len(dataset) == 1
    (zebra, ) = dataset.get_data_info(0)['images'][1]['instances']
    assert zebra['bbox_label'] == 29 and zebra['bbox'] == [8, 5, 28, 21]


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
    (spoil('images', 1, 'height',
           value=KeyError), 'key images[1].height is missing'),
    (spoil('images', 1, 'id',
           value=1), 'images[1] repeats image id 1, expected unique ids'),
    (spoil('annotations', 1, 'id', value=1),
     'annotations[1] repeats annotation id 1, expected unique ids'),
    (spoil('annotations', 1, 'category_id',
           value=7), 'unknown category 7 in annotations[1] (id 2)'),
    (spoil('categories', 0, 'name', value='dog'),
     "category 12 is 'dog', expected 'fox'; convert the XML files with "
     'imagenet_vid.py'),
    (spoil('annotations', 1, 'bbox',
           value=KeyError), 'annotation 2: neither segmentation nor bbox'),
    (spoil('annotations', 1, 'image_id', value=9),
     'annotations[1] (id 2) belongs to image 9, which is not in images'),
]


@pytest.mark.parametrize('apply, message', BAD)
def test_bad_records_are_one_line(build, tree, tmp_path, apply, message):
    apply(tree)
    with pytest.raises(AnnotationError) as error:
        build()
    assert str(error.value) == f'{tmp_path / "det.json"}: {message}'


def test_bad_files(build, tree, tmp_path):
    with pytest.raises(AnnotationError, match='not valid JSON at line 1 col'):
        build('{"images"')
    with pytest.raises(AnnotationError, match='no video left of 2; left out'):
        build(filter_cfg=dict(min_size=50))
    with pytest.raises(FileNotFoundError, match='annotation file .*no.json'):
        ImageNetDET(ann_file='no.json', data_root=str(tmp_path))
    (tmp_path / tree['images'][1]['file_name']).unlink()
    with pytest.raises(FileNotFoundError, match=r'n0_2.png \(video n0_2, fr'):
        build()
    dataset = build(check_files='none', pipeline=PIPELINE)
    with pytest.raises(FileNotFoundError, match=r'n0_2.png \(video n0_2, fr'):
        dataset[1]
    tree['images'][0]['height'] = 41
    with pytest.raises(AnnotationError, match=r'n0_1.png.*\(40, 60\)'):
        build(check_files='none', pipeline=PIPELINE)[0]
    tree['annotations'] = []
    with pytest.raises(AnnotationError, match='no annotations in .*det.json'):
        build()


def test_mutated_files(build, tree, monkeypatch):
    logger = MMLogger.get_current_instance()
    for name in ('warning', 'info'):
        monkeypatch.setattr(logger, name, lambda line: None)

    def load(text):
        dataset, videos = build(text), []
        classes = dataset.metainfo['classes']
        for video in dataset.data_list:
            objects = [(classes[obj['bbox_label']], bool(obj['ignore_flag']),
                        obj['bbox'], obj['area'], None)
                       for obj in video['images'][2]['instances']]
            videos.append((video['video_id'], video['video_name'],
                           sorted(objects, key=repr)))
        return videos

    counts = check_mutations(
        tree,
        load,
        'det.json',
        notice={
            'images.*.id': ('delete', 'null', 'nan', 'fraction'),
            'categories.*.name': ('delete', 'null', 'empty'),
            'annotations.*.bbox.*': ('delete', 'null', 'nan', 'huge'),
        },
        expected=lambda tree: read_coco_instances(tree, {
            FOX: 'fox',
            ZEBRA: 'zebra'
        }))
    assert min(counts.values()) > 50
