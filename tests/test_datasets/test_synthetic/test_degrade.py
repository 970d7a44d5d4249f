import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.evaluation.functional import video_instance_ap

CFG = get_cfg(
    'tiny',
    objects=(4, 4),
    p_twin=1.,
    p_cross=0.,
    p_late=0.,
    p_exit=0.,
    p_return=0.,
    p_occlude=0.,
    p_crowd=1.)


@pytest.fixture(scope='module')
def videos():
    return [generate_video(CFG, 'val', i, with_images=False) for i in range(3)]


@pytest.fixture
def pred(videos):
    return SynthPrediction.from_video(videos[0])


def average_precision(videos, kind=None, p=1.):
    """Return the VIS scores of degraded ground truth."""
    annotations, results = [], []
    for i, video in enumerate(videos):
        truth = SynthPrediction.from_video(video)
        found = truth if kind is None else degrade(truth, kind, p, seed=i)
        results += found.to_youtube_vis(i, range(1, 5))
        for entry in truth.to_youtube_vis(i, range(1, 5)):
            annotations.append(dict(entry, id=len(annotations) + 1, iscrowd=0))
    gt = dict(
        videos=[
            dict(id=i, height=96, width=160, length=12)
            for i in range(len(videos))
        ],
        categories=[dict(id=i, name=str(i)) for i in range(1, 5)],
        annotations=annotations)
    return video_instance_ap(gt, results)


def test_ground_truth_against_itself_is_perfect(videos):
    scores = average_precision(videos)
    assert scores['AP'] == scores['AR10'] == 1
    # two tracks of a class in a video do not fit into one detection
    assert scores['AR1'] < 1


@pytest.mark.parametrize('kind, p, most', [('drop', 0.6, 0.9),
                                           ('swap', 1., 0.7),
                                           ('jitter', 6., 0.8),
                                           ('wrong_class', 0.6, 0.9)])
def test_errors_lower_average_precision(videos, kind, p, most):
    assert average_precision(videos, kind, p)['AP'] < most


def test_extra_objects_with_lower_scores_come_last(videos):
    # AP is taken at the recall of the true ones, which rank higher
    assert average_precision(videos, 'extra')['AP'] == 1


def test_input_stays_as_it_is_and_seeds_decide(pred):
    before = pred.id_maps.copy(), pred.label_maps.copy(), dict(pred.labels)
    first = degrade(pred, 'jitter', 4., seed=1)
    again = degrade(pred, 'jitter', 4., seed=1)
    other = degrade(pred, 'jitter', 4., seed=2)
    assert (pred.id_maps == before[0]).all()
    assert (pred.label_maps == before[1]).all() and pred.labels == before[2]
    assert (first.id_maps == again.id_maps).all()
    assert (first.id_maps != other.id_maps).any()


@pytest.mark.parametrize('kind',
                         ['drop', 'gap', 'swap', 'extra', 'wrong_class'])
def test_probability_zero_changes_nothing(pred, kind):
    same = degrade(pred, kind, 0., seed=0)
    assert (same.id_maps == pred.id_maps).all()
    assert same.labels == pred.labels


def test_drop_leaves_void_and_the_crowd(pred):
    empty = degrade(pred, 'drop', 1., seed=0)
    assert set(empty.labels) == set(pred.crowds) != set()
    gone = np.isin(pred.id_maps, pred.object_ids)
    assert (empty.label_maps[gone] == 255).all()
    assert (empty.id_maps[gone] == 0).all()
    assert (empty.label_maps[~gone] == pred.label_maps[~gone]).all()
    assert empty.to_youtube_vis(1, range(4)) == []


def test_gap_is_the_middle_third(pred):
    gone = degrade(pred, 'gap', 1., seed=0)
    assert gone.labels == pred.labels
    for object_id in pred.object_ids:
        before, after = ((side.id_maps == object_id) for side in (pred, gone))
        seen = np.flatnonzero(before.any((1, 2)))
        lost = np.flatnonzero((before != after).any((1, 2)))
        third = len(seen) // 3
        assert third >= 1 and not after[lost].any()
        assert lost.tolist() == seen[third:2 * len(seen) // 3].tolist()
    changed = gone.id_maps != pred.id_maps
    assert (gone.label_maps[changed] == 255).all()
    assert (gone.label_maps == pred.label_maps)[~changed].all()


def test_swap_exchanges_two_objects_of_a_class_from_a_frame_on(pred):
    swapped = degrade(pred, 'swap', 1., seed=3)
    assert (swapped.label_maps == pred.label_maps).all()
    changed = (swapped.id_maps != pred.id_maps).any((1, 2))
    start = int(np.argmax(changed))
    assert changed.any() and 1 <= start < 12
    moved = swapped.id_maps != pred.id_maps
    pairs = {(int(a), int(b))
             for a, b in zip(pred.id_maps[moved], swapped.id_maps[moved])}
    assert pairs == {(b, a) for a, b in pairs}
    for first, second in pairs:
        assert pred.labels[first] == pred.labels[second]
    # every frame alone holds the same masks
    for before, after in zip(pred.id_maps, swapped.id_maps):
        assert {(before == i).tobytes()
                for i in pred.labels} == {(after == i).tobytes()
                                          for i in pred.labels}


def test_jitter_moves_masks_by_at_most_p(pred):
    moved = degrade(pred, 'jitter', 3., seed=0)
    (alone, *_) = [
        i for i in pred.object_ids if (pred.id_maps == i).any((1, 2)).all()
    ]
    shifts = []
    for t in range(12):
        a, b = (np.argwhere(m.id_maps[t] == alone) for m in (pred, moved))
        shifts.append((b.min(0) - a.min(0)).tolist())
    assert np.abs(shifts).max() <= 3
    assert np.abs(shifts).max() >= 2
    assert np.unique(shifts, axis=0).shape[0] > 3


def test_extra_objects_lie_on_stuff(pred):
    more = degrade(pred, 'extra', 1., seed=0)
    new = sorted(set(more.labels) - set(pred.labels))
    assert len(new) == len(pred.object_ids)
    kept = pred.id_maps > 0
    assert (more.id_maps[kept] == pred.id_maps[kept]).all()
    for object_id in new:
        mask = more.id_maps == object_id
        assert mask.any() and (more.label_maps[mask]
                               == more.labels[object_id]).all()
        assert more.scores[object_id] < 1


def test_wrong_class_keeps_masks(pred):
    wrong = degrade(pred, 'wrong_class', 1., seed=0)
    assert (wrong.id_maps == pred.id_maps).all()
    for object_id in pred.object_ids:
        label = wrong.labels[object_id]
        assert label != pred.labels[object_id] and 0 <= label < 4
        mask = wrong.id_maps == object_id
        assert (wrong.label_maps[mask] == label).all()


def test_unusable_requests_are_errors(pred):
    with pytest.raises(ValueError, match="degrade kind 'blur'"):
        degrade(pred, 'blur', 1., seed=0)
    lonely = get_cfg('micro', objects=(1, 1), classes=1)
    video = generate_video(lonely, 'train', 0, with_images=False)
    single = SynthPrediction.from_video(video)
    with pytest.raises(ValueError, match='no two objects of a class'):
        degrade(single, 'swap', 1., seed=0)
    with pytest.raises(ValueError, match='one class only'):
        degrade(single, 'wrong_class', 1., seed=0)
