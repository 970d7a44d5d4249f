import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.evaluation.functional import mots_frame, track_events
from mmvis_plugin.evaluation.video_errors import NamedTrack, VideoComparison
from mmvis_plugin.structures import encode_masks, write_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError

CLASSES = ('cup', 'dog', 'sky', 'road')
META = dict(
    classes=CLASSES,
    label2cat=[10, 20, 30, 40],
    thing_classes=('cup', 'dog'),
    stuff_classes=('sky', 'road'))
SIZE = (8, 10)


def block(x1, x2, y1=0, y2=8):
    mask = np.zeros(SIZE, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def frame(t, objects, tracks, boxes=False, **kwargs):
    """Return a frame of objects (id, label, ignored, x1, x2) and tracks (id,
    label, score, x1, x2), all of full height."""
    instances = []
    for key, label, ignored, x1, x2 in objects:
        item = dict(
            instance_id=key,
            bbox_label=label,
            ignore_flag=ignored,
            bbox=[x1, 0, x2, 8])
        if not boxes:
            item['mask'] = encode_masks(block(x1, x2)[None])[0]
        instances.append(item)
    pred = InstanceData(
        instances_id=torch.tensor([i[0] for i in tracks], dtype=torch.long),
        labels=torch.tensor([i[1] for i in tracks], dtype=torch.long),
        scores=torch.tensor([i[2] for i in tracks], dtype=torch.float),
        bboxes=torch.tensor([[i[3], 0., i[4], 8.]
                             for i in tracks]).reshape(-1, 4))
    if not boxes:
        pred.masks = [encode_masks(block(*i[3:])[None])[0] for i in tracks]
    return dict(
        dict(
            video_id=3,
            video_name='clip',
            frame_id=t,
            ori_shape=SIZE,
            instances=instances,
            pred_track_instances=pred), **kwargs)


def errors_of(frames, **kwargs):
    comparison = VideoComparison(META, **kwargs)
    for item in frames:
        comparison.add(item)
    return comparison.errors()


def texts(errors):
    return [(event.kind, event.start, errors.describe(event))
            for event in errors.happened.events]


@pytest.mark.parametrize('boxes', [False, True])
def test_errors_in_words(boxes):
    errors = errors_of([
        frame(0, [(1, 0, 0, 0, 4)], [(5, 0, 0.9, 0, 4)], boxes),
        frame(1, [(1, 0, 0, 0, 4)], [(6, 1, 0.9, 0, 4)], boxes),
        frame(2, [(1, 0, 0, 0, 4)], [(7, 1, 0.9, 8, 10)], boxes),
        frame(3, [(1, 0, 0, 0, 4)], [(5, 0, 0.9, 0, 4), (8, 0, 0.9, 0, 3)],
              boxes),
        frame(4, [(1, 0, 0, 0, 4)], [(5, 0, 0.9, 0, 1)], boxes),
    ])
    assert (errors.video_id, errors.name) == (3, 'clip')
    assert errors.frame_ids == [0, 1, 2, 3, 4]
    assert texts(errors) == [
        ('birth', 0, 'cup #1 is found by cup #5'),
        ('switch', 1, 'cup #1 goes from cup #5 to dog #6'),
        ('wrong_class', 1, 'cup #1 is taken for dog #6'),
        ('miss', 2, 'cup #1 is missed'),
        ('false_track', 2, 'dog #7 is on no object'),
        ('fragment', 3, 'cup #1 is found again by cup #5'),
        ('switch', 3, 'cup #1 goes from dog #6 to cup #5'),
        ('duplicate', 3, 'cup #8 doubles cup #1'),
        ('miss', 4, 'cup #1 is missed'),
        ('stray', 4, 'cup #5 leaves its object'),
    ]
    assert errors.objects == {1: NamedTrack('cup #1', 0, 1)}
    assert errors.tracks[6] == NamedTrack('dog #6', 1, 6, pytest.approx(0.9))


def test_tracks_of_a_low_mean_score_are_left_out():
    frames = [
        frame(t, [(1, 0, 0, 0, 4)], [(5, 0, score, 0, 4), (6, 0, 0.35, 5, 9)])
        for t, score in enumerate((0.2, 0.6))
    ]
    assert list(errors_of(frames, score_thr=0.3).tracks) == [5, 6]
    assert list(errors_of(frames, score_thr=0.36).tracks) == [5]
    assert errors_of(
        frames, score_thr=0.36).tracks[5].score == pytest.approx(0.4)


def test_ignored_objects_excuse_and_empty_masks_are_absent():
    objects = [(1, 0, 0, 0, 2), (2, 0, 1, 4, 10)]
    tracks = [(5, 0, 0.9, 3, 6), (6, 0, 0.9, 2, 5), (7, 0, 0.9, 4, 4)]
    errors = errors_of([frame(0, objects, tracks)])
    assert texts(errors) == [('miss', 0, 'cup #1 is missed'),
                             ('false_track', 0, 'cup #6 is on no object')]
    assert list(errors.objects) == [1] and list(errors.tracks) == [5, 6]


def test_frames_without_annotations_are_left_out():
    seen = [(1, 0, 0, 0, 4)], [(5, 0, 0.9, 0, 4)]
    errors = errors_of([
        frame(0, *seen),
        frame(1, [], seen[1], has_ann=False),
        frame(2, *seen),
        frame(3, [], seen[1], instances=None),
    ])
    assert errors.frame_ids == [0, 2]
    assert [kind for kind, _, _ in texts(errors)] == ['birth']
    assert errors.happened.objects[1] == [(0, 2, 'tracked', 5)]


def test_broken_frames_are_named():
    twice = frame(4, [(1, 0, 0, 0, 4)] * 2, [])
    with pytest.raises(AnnotationError, match='video clip, frame 4: instance'):
        errors_of([twice])
    bare = frame(2, [], [])
    del bare['pred_track_instances'].masks
    del bare['pred_track_instances'].bboxes
    with pytest.raises(ValueError, match='frame 2: .*expected .*bboxes'):
        errors_of([bare])
    with pytest.raises(ValueError, match='without frames'):
        errors_of([])


@pytest.mark.parametrize('kinds', [('swap', 'drop'),
                                   ('wrong_class', 'extra', 'jitter')])
def test_masks_give_what_pictures_give(kinds):
    cfg = get_cfg('micro', objects=(4, 4), p_twin=1., p_crowd=0., num_frames=9)
    video = generate_video(cfg, 'val', 1, with_images=False)
    truth = SynthPrediction.from_video(video)
    pred = truth
    for kind in kinds:
        p = dict(jitter=4., drop=0.5, wrong_class=0.5).get(kind, 1.)
        pred = degrade(pred, kind, p, seed=3)
    expected = track_events(
        [mots_frame(*pair) for pair in zip(truth.to_mots(), pred.to_mots())])
    frames = []
    for t in range(len(truth.id_maps)):
        gt, found = ((side.object_ids,
                      encode_masks(
                          np.stack(
                              [side.id_maps[t] == i
                               for i in side.object_ids])))
                     for side in (truth, pred))
        frames.append(
            dict(
                video_id=1,
                frame_id=t,
                ori_shape=video.id_maps.shape[1:],
                instances=[
                    dict(instance_id=i, bbox_label=truth.labels[i], mask=mask)
                    for i, mask in zip(*gt)
                ],
                pred_track_instances=dict(
                    instances_id=found[0],
                    labels=[pred.labels[i] for i in found[0]],
                    scores=[0.8 for _ in found[0]],
                    masks=found[1])))
    comparison = VideoComparison(dict(META))
    for item in frames:
        comparison.add(item)
    assert comparison.errors().happened == expected
    assert len(expected.events) > len(truth.object_ids)


@pytest.fixture
def panoptic(tmp_path):
    """Return a function that makes a frame of two maps of columns."""

    def make(t, gt_columns, pred_columns, as_file=False):
        # 1: cup, 2: dog, 3: crowd of dogs, 4: sky, 0: void
        path = tmp_path / f'{t}.png'
        gt = np.array(gt_columns)[None].repeat(8, axis=0)
        write_panoptic_map(str(path), gt.astype(np.uint32))
        segments = [
            dict(id=1, category=0, is_thing=True, iscrowd=0, instance_id=11),
            dict(id=2, category=1, is_thing=True, iscrowd=0, instance_id=12),
            dict(id=3, category=1, is_thing=True, iscrowd=1, instance_id=13),
            dict(id=4, category=2, is_thing=False, iscrowd=0, instance_id=14)
        ]
        pred = np.array(pred_columns)[None].repeat(8, axis=0)
        sem_seg = torch.from_numpy(pred)[None]
        found = PixelData(sem_seg=sem_seg)
        if as_file:
            ids = np.where(pred == 4, 0, pred + 1)
            found = dict(
                pan_seg=ids.astype(np.uint32),
                segments_info=[
                    dict(id=i, category_id=META['label2cat'][(i - 1) % 1000])
                    for i in np.unique(ids[ids > 0]).tolist()
                ])
        return dict(
            video_id=1,
            video_name='street',
            frame_id=t,
            ori_shape=(8, len(gt_columns)),
            seg_map_path=str(path),
            segments_info=[s for s in segments if s['id'] in gt_columns],
            pred_panoptic_seg=found)

    return make


@pytest.mark.parametrize('as_file', [False, True])
def test_panoptic_maps(panoptic, as_file):
    """The void excuses, and counts in no union."""
    cup, dog = 1000, 2001
    frames = [
        # without the void, half of what is called a cup is the cup
        panoptic(0, [1, 1, 0, 0, 0, 4, 4, 3, 3, 3],
                 [cup, 4, cup, cup, cup, 2, 2, dog, dog, 4], as_file),
        panoptic(1, [1, 1, 2, 2, 2, 4, 4, 4, 0, 0],
                 [cup, cup, 4, 4, 4, 3, 3, 2, dog, 4], as_file),
    ]
    errors = errors_of(frames)
    # a file numbers segments in a way of its own
    name = f'cup #{1001 if as_file else 1}'
    assert texts(errors) == [
        ('birth', 0, f'cup #11 is found by {name}'),
        ('birth', 0, 'sky is found by sky'),
        ('switch', 1, 'sky goes from sky to road'),
        ('wrong_class', 1, 'sky is taken for road'),
        ('miss', 1, 'dog #12 is missed'),
        ('stray', 1, 'sky leaves its object'),
    ]
    assert [t.number for t in errors.objects.values()] == [11, 12, -1]
