import torch

from mmvis_plugin.models.panoptic_fcn import (drop_small_things,
                                              merge_panoptic, to_panoptic_map)

# labels: things 0 to 2, stuff 3 and 4; semantic classes of the mode 'all'
TO_LABEL = torch.tensor([-1, -1, -1, 3, 4])


def masks(*boxes, size=(4, 8)):
    out = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(out, boxes):
        mask[y0:y1, x0:x1] = True
    return out


def merge(things, scores, sem_map, **options):
    labels = torch.arange(len(things)) % 3
    options = {'stuff_area': 4, **options}
    return merge_panoptic(things, labels, torch.tensor(scores), sem_map,
                          TO_LABEL, **options)


def test_things_before_stuff_and_best_first():
    things = masks((0, 0, 4, 4), (2, 0, 6, 4), (1, 0, 4, 1), (0, 0, 0, 0),
                   (6, 0, 8, 2))
    sem_map = torch.full((4, 8), 4)
    sem_map[:2, 6] = 1  # a thing class wins here
    sem_map[3, 7] = 3
    got = merge(things, [.9, .8, .7, .6, .1], sem_map, stuff_area=3)
    # the third lies on the first, the fourth is empty, the fifth unsure
    assert got.labels.tolist() == [0, 1, 4]
    assert got.is_thing.tolist() == [True, True, False]
    torch.testing.assert_close(got.scores, torch.tensor([.9, .8, 1.]))
    expected = torch.tensor([[1, 1, 1, 1, 2, 2, 0, 3]] * 2 +
                            [[1, 1, 1, 1, 2, 2, 3, 3]] * 2)
    expected[3, 7] = 0  # too small an area of class 3
    assert got.seg_map.tolist() == expected.tolist()
    ids = got.local_ids()
    assert ids.tolist() == (expected * (expected < 3)).tolist()


def test_overlap_is_measured_against_what_is_written():
    things = masks((0, 0, 4, 4), (2, 0, 5, 4), (4, 0, 6, 4))
    nothing = torch.full((4, 8), -1)
    got = merge(things, [.9, .8, .7], nothing, overlap_thr=0.6)
    # the second would be skipped at 0.67, the third sees only the first
    assert got.labels.tolist() == [0, 2]
    assert (got.seg_map[:, 4:6] == 2).all() and (got.seg_map[:, 6:] == 0).all()
    got = merge(things, [.9, .8, .7], nothing, overlap_thr=0.7)
    assert got.labels.tolist() == [0, 1, 2]
    assert got.seg_map[0].tolist() == [1, 1, 1, 1, 2, 3, 0, 0]


def test_nothing_at_all():
    got = merge(masks(), [], torch.full((4, 8), -1))
    assert (got.seg_map == 0).all() and len(got.labels) == 0
    got = merge(masks(), [], torch.full((4, 8), 4), stuff_area=33)
    assert (got.seg_map == 0).all()
    assert (to_panoptic_map(got, 5) == 5).all()


def test_small_remnants_become_void():
    things = masks((0, 0, 4, 4), (3, 0, 5, 1), (5, 0, 8, 4))
    segments = merge(things, [.9, .8, .7], torch.full((4, 8), 3), stuff_area=3)
    got = drop_small_things(segments, 2)
    assert got.labels.tolist() == [0, 2, 3]
    assert got.is_thing.tolist() == [True, True, False]
    assert got.seg_map[0].tolist() == [1, 1, 1, 1, 0, 2, 2, 2]
    assert got.seg_map[1, 4] == 3
    same = drop_small_things(segments, 1)
    assert torch.equal(same.seg_map, segments.seg_map)


def test_panoptic_map():
    things = masks((0, 0, 2, 4), (2, 0, 4, 4))
    sem_map = torch.full((4, 8), 4)
    sem_map[:, 6:] = -1
    segments = merge(things, [.9, .8], sem_map)
    row = to_panoptic_map(segments, 5)[0]
    assert row.tolist() == [1000] * 2 + [2001] * 2 + [4] * 2 + [5] * 2
    ids = torch.tensor([70_000, 3])
    row = to_panoptic_map(segments, 5, ids)[0]
    assert row.tolist() == [70_000_000] * 2 + [3001] * 2 + [4] * 2 + [5] * 2
