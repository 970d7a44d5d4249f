import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import (PanopticFrameTable,
                                                panoptic_tables)
from mmvis_plugin.utils.errors import AnnotationError

GT = np.array([[0, 9, 9], [4, 4, 9]], dtype=np.uint32)
PRED = np.array([[2, 2, 2], [0, 0, 2**24 + 1]], dtype=np.uint32)


def segments(*ids, **areas):
    return [
        dict(
            id=i,
            category_id=i % 3,
            **({
                'area': areas[f'a{i}']
            } if f'a{i}' in areas else {})) for i in ids
    ]


def rows(table):
    ids = table.gt.ids[table.gt_index], table.pred.ids[table.pred_index]
    return {
        (g, p): n
        for g, p, n in zip(*(i.tolist() for i in (*ids, table.counts)))
    }


def count(gt_segments, pred_segments, gt=GT, pred=PRED):
    return PanopticFrameTable.from_maps(gt, pred, gt_segments, pred_segments,
                                        {0, 1, 2}, 'a.png', 'b.png')


def test_counts_of_a_frame():
    big = 2**24 + 1
    table = count(segments(9, 4, a9=3), segments(big, 2))
    assert rows(table) == {(0, 2): 1, (9, 2): 2, (4, 0): 2, (9, big): 1}
    assert table.gt.ids.tolist() == [0, 9, 4]
    assert table.gt.categories.tolist() == [-1, 0, 1]
    assert table.gt_areas.tolist() == [1, 3, 2]
    assert table.pred_areas.tolist() == [2, 1, 3]


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('dtype', [np.uint16, np.int32, np.uint32, np.int64])
def test_noise_agrees_with_unique(seed, dtype):
    rng = np.random.default_rng(seed)
    gt, pred = rng.integers(0, 6, (2, 13, 17)).astype(dtype)
    # a transposed map is not contiguous
    gt = np.asfortranarray(gt)
    table = count(segments(*range(5, 0, -1)), segments(*range(1, 6)), gt, pred)
    pairs, counts = np.unique(
        np.stack([gt.ravel(), pred.ravel()]), axis=1, return_counts=True)
    assert rows(table) == {
        (g, p): n
        for g, p, n in zip(*pairs.tolist(), counts.tolist())
    }


@pytest.mark.parametrize('gt_segments, pred_segments, message', [
    (segments(9), segments(2, 2**24 + 1), r'a.png: ids \[4\] have pixels but'),
    (segments(4, 9), segments(2), r'b.png: ids \[16777217\] have pixels'),
    (segments(4, 9, 5), segments(2, 2**24 + 1), r'a.png: ids \[5\] .* no pix'),
    (segments(4, 9), segments(2, 3, 2**24 + 1), r'b.png: ids \[3\] .* no pi'),
    (segments(4, 9, a9=2), segments(2, 2**24 + 1),
     'a.png: segment 9 has 3 pixels, but its area is given as 2'),
    (segments(4, 9, 9), segments(2, 2**24 + 1), 'a.png: an id is listed twi'),
    (segments(4, 9), [dict(id=2, category_id=7)], 'b.png: .* 2 of category 7'),
    (segments(0, 9), segments(2), 'a.png: segment 0 of category 0, expected'),
])
def test_maps_and_lists_that_disagree(gt_segments, pred_segments, message):
    with pytest.raises(AnnotationError, match=message):
        count(gt_segments, pred_segments)


def test_sizes_and_lengths_that_disagree():
    with pytest.raises(
            AnnotationError, match=r'a.png: maps of size \(2, 3\) and '):
        count([], [], pred=PRED[:, :2])
    video = dict(gt=[GT], pred=[PRED], gt_segments=[[]], pred_segments=[])
    with pytest.raises(AnnotationError, match='video 3: numbers of frames'):
        panoptic_tables(video, {0}, 'video 3')


def test_labels_and_instances():
    gt_sem = np.array([[0, 0, 1, 255]], dtype=np.uint8)
    pred_sem = np.array([[255, 1, 1, 1]], dtype=np.uint8)
    gt_inst = np.array([[0, 3, 2**16 - 1, 5]], dtype=np.uint16)
    pred_inst = np.array([[8, 0, 0, 0]], dtype=np.uint16)
    table = PanopticFrameTable.from_labels(gt_sem, gt_inst, pred_sem,
                                           pred_inst)
    assert table.gt.categories.tolist() == [-1, 0, 0, 1]
    assert table.gt.crowd.tolist() == [False, True, False, False]
    assert table.gt_areas.tolist() == [1, 1, 1, 1]
    # the void is one, whatever its instance number
    assert table.pred.categories.tolist() == [-1, 1]
    assert table.pred_areas.tolist() == [1, 3]
    with pytest.raises(AnnotationError, match='frame: maps of size'):
        PanopticFrameTable.from_labels(gt_sem, gt_inst, pred_sem, pred_inst.T)
