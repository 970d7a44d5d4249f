import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import (TrackOverlaps, track_confusion,
                                                tube_iou)
from mmvis_plugin.structures import encode_masks


def overlaps(ious, scores, labels, gt_labels, crowd=None, det_ious=None):
    ious = np.array(ious, dtype=float).reshape(len(scores), len(gt_labels))
    if crowd is None:
        crowd = [False] * len(gt_labels)
    return TrackOverlaps(ious, np.array(scores, dtype=float),
                         np.array(labels, dtype=int),
                         np.array(gt_labels, dtype=int),
                         np.array(crowd, dtype=bool), det_ious)


def naive(video, num_classes, iou_thr, score_thr):
    """Walk through detections and tracks, one pair at a time."""
    matrix = [[0] * (num_classes + 1) for _ in range(num_classes + 1)]
    taken = set()
    order = sorted(
        range(len(video.scores)), key=lambda det: (-video.scores[det], det))
    for det in order:
        if video.scores[det] < score_thr:
            continue
        best, on_crowd = None, False
        for gt in range(len(video.gt_labels)):
            iou = video.ious[det][gt]
            if iou < iou_thr:
                continue
            if video.gt_crowd[gt]:
                on_crowd = True
            elif gt not in taken:
                key = (iou, video.gt_labels[gt] == video.labels[det], gt)
                best = max(best or key, key)
        if best is not None:
            taken.add(best[2])
            matrix[video.gt_labels[best[2]]][video.labels[det]] += 1
        elif not on_crowd:
            matrix[num_classes][video.labels[det]] += 1
    for gt, label in enumerate(video.gt_labels):
        if gt not in taken and not video.gt_crowd[gt]:
            matrix[label][num_classes] += 1
    return matrix


def test_every_fate_of_a_track():
    # tracks: found, confused, missed; detections: two hits, a duplicate, a
    # ghost, one below the score
    video = overlaps([
        [.9, 0, 0],
        [0, .6, 0],
        [.8, 0, 0],
        [.1, .1, .49],
        [0, 0, 1],
    ], [.9, .8, .7, .6, .2], [0, 2, 0, 1, 1], [0, 1, 1])
    assert track_confusion(video, 3).tolist() == [
        [1, 0, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [1, 1, 0, 0],
    ]


def test_the_best_score_chooses_first():
    ious = [[.7, .6], [.9, 0]]
    video = overlaps(ious, [.8, .9], [0, 0], [0, 1])
    # the second takes track 0, the first is left with track 1
    assert track_confusion(video, 2).tolist() == [[1, 0, 0], [1, 0, 0],
                                                  [0, 0, 0]]
    # of equal tracks it takes the one of its class
    video = overlaps([[.7, .7]], [.9], [1], [1, 0])
    assert track_confusion(video, 2)[1, 1] == 1
    video = overlaps([[.7, .7]], [.9], [1], [0, 1])
    assert track_confusion(video, 2)[1, 1] == 1


def test_crowd_counts_for_nothing():
    video = overlaps([[.6, 0], [.6, 0], [.9, .7]], [.9, .8, .7], [0, 0, 1],
                     [0, 1], [True, False])
    assert track_confusion(video, 2).tolist() == [[0, 0, 0], [0, 1, 0],
                                                  [0, 0, 0]]
    nothing = overlaps([], [], [], [0, 1], [True, False])
    assert track_confusion(nothing, 2).tolist() == [[0, 0, 0], [0, 0, 1],
                                                    [0, 0, 0]]


def test_suppression_knows_no_classes():
    det_ious = np.array([[1, .9, .2], [.9, 1, .9], [.2, .9, 1]])
    video = overlaps([[1], [1], [0]], [.9, .8, .7], [0, 1, 1], [0],
                     det_ious=det_ious)
    assert track_confusion(video, 2)[2].tolist() == [0, 2, 0]
    # what is left out leaves nobody out
    found = track_confusion(video, 2, nms_iou_thr=0.5)
    assert found.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize('seed', range(20))
def test_against_one_pair_at_a_time(seed):
    rng = np.random.default_rng(seed)
    dets, tracks = rng.integers(0, 9, 2)
    video = overlaps(
        rng.integers(0, 5, (dets, tracks)) / 4,
        rng.integers(0, 6, dets) / 5, rng.integers(0, 3, dets),
        rng.integers(0, 3, tracks),
        rng.random(tracks) < 0.3)
    for iou_thr, score_thr in ((0.5, 0.), (0.75, 0.4)):
        found = track_confusion(video, 3, iou_thr, score_thr)
        assert found.tolist() == naive(video, 3, iou_thr, score_thr)
        # each track that is no crowd has its row
        counted = np.bincount(
            video.gt_labels[~video.gt_crowd], minlength=3)[:3]
        assert found[:3].sum(axis=1).tolist() == counted.tolist()
        assert found[3, 3] == 0


def test_overlap_is_that_of_whole_tubes():
    # the same place in the first frame, another in the second: 4 of 12 pixels
    masks = np.zeros((3, 6, 6), bool)
    masks[0, :2, :2] = masks[1, 2:4, 2:4] = masks[2, 4:, 4:] = True
    a, b, c = encode_masks(masks)
    ious = tube_iou([[a, b]], [[a, c], [a, None]])
    assert ious.tolist() == [[4 / 12, 4 / 8]]
    video = overlaps(ious, [1.], [0], [0, 1])
    assert track_confusion(video, 2).tolist() == [[0, 0, 1], [1, 0, 0],
                                                  [0, 0, 0]]
