"""Ground truth of images, in both forms."""
import copy

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmvis_plugin.models.panoptic_fcn import (SemanticClasses, image_targets,
                                              tight_boxes)
from .tiny_model import STUFF, THINGS, images, in_form_of_mmdet

CPU = torch.device('cpu')


def hand_made(**changes):
    """A thing of 2 x 3 pixels in stuff, a crowd, void; one column is padding.

    Segment 7 is stuff (label 5), 1007 a thing (1), 8 a crowd (2), 9 hidden.
    """
    ids = torch.tensor([[7, 7, 7, 7, 0, 77], [7, 1007, 1007, 1007, 8, 77],
                        [7, 1007, 1007, 1007, 8, 77]])
    segments = [
        dict(id=7, category=5, is_thing=False, iscrowd=0),
        dict(id=1007, category=1, is_thing=True, iscrowd=0),
        dict(id=8, category=2, is_thing=True, iscrowd=1),
        dict(id=9, category=3, is_thing=True, iscrowd=0),
    ]
    segments[1].update(changes)
    sample = DetDataSample(
        metainfo=dict(img_shape=(3, 5), img_path='some/frame.png'))
    sample.gt_panoptic_seg = PixelData(
        pan_seg=ids[None], metainfo=dict(segments_info=segments))
    return sample


SEM = [[5, 5, 5, 5, 255], [5, 1, 1, 1, 2], [5, 1, 1, 1, 2]]


def test_panoptic_map():
    found = image_targets(hand_made(), SemanticClasses(THINGS, STUFF), CPU)
    assert found.labels.tolist() == [1]
    assert found.boxes.tolist() == [[1, 1, 4, 3]]
    assert found.masks.int().tolist() == [[[0] * 5, [0, 1, 1, 1, 0],
                                           [0, 1, 1, 1, 0]]]
    assert found.sem.tolist() == SEM


@pytest.mark.parametrize('mode, classes', [
    ('merged_things', {
        5: 2,
        1: 0,
        2: 0
    }),
    ('stuff', {
        5: 1,
        1: -1,
        2: -1
    }),
])
def test_classes_of_the_semantic_map(mode, classes):
    semantic = SemanticClasses(THINGS, STUFF, mode)
    found = image_targets(hand_made(), semantic, CPU)
    known = torch.tensor(SEM) != 255
    expected = torch.tensor([[classes.get(v, 255) for v in row]
                             for row in SEM])
    assert found.sem[known].equal(expected[known])
    unknown = found.sem[~known]
    assert ((unknown < 0) | (unknown >= semantic.num)).all()


def test_ignored_things_are_no_things():
    found = image_targets(
        hand_made(ignore_flag=1), SemanticClasses(THINGS, STUFF), CPU)
    assert len(found.masks) == len(found.boxes) == len(found.labels) == 0
    assert found.sem.tolist() == SEM


@pytest.mark.parametrize('objects', [[1, 2, 3], []])
def test_both_forms_agree(objects):
    sample, = images([objects])[1]
    sample.set_metainfo(dict(img_shape=(61, 90)))
    semantic = SemanticClasses(THINGS, STUFF)
    ours = image_targets(sample, semantic, CPU)
    theirs = image_targets(
        in_form_of_mmdet(copy.deepcopy(sample)), semantic, CPU)
    assert ours.sem.equal(theirs.sem)
    assert ours.labels.equal(theirs.labels)
    assert ours.masks.shape == (len(objects), 61, 90)
    assert ours.masks.equal(theirs.masks.bool())
    inside = theirs.boxes[:, 2:] <= torch.tensor([90., 61.])
    assert ours.boxes[:, 2:][inside].equal(theirs.boxes[:, 2:][inside])


def test_tight_boxes():
    masks = torch.rand(20, 9, 7) > 0.97
    masks = masks[masks.flatten(1).any(dim=1)]
    boxes = tight_boxes(masks)
    assert len(boxes) > 5
    for mask, box in zip(masks, boxes.tolist()):
        y, x = mask.nonzero(as_tuple=True)
        assert box == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert tight_boxes(masks[:0]).shape == (0, 4)


def test_wrong_annotation():
    semantic = SemanticClasses(2, STUFF)
    message = 'some/frame.png: a thing of label 3, expected labels of things '\
        'below num_things=2'
    with pytest.raises(ValueError, match=message):
        image_targets(hand_made(category=3), semantic, CPU)
    bare = DetDataSample(metainfo=dict(img_shape=(3, 5), img_id=8))
    with pytest.raises(ValueError, match='^image 8: no panoptic annotation'):
        image_targets(bare, semantic, CPU)
