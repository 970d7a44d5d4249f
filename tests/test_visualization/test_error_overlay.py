import numpy as np
import pytest
import torch

from mmvis_plugin.evaluation.video_errors import VideoComparison
from mmvis_plugin.structures import encode_masks, write_panoptic_map
from mmvis_plugin.visualization import ErrorOverlay
from mmvis_plugin.visualization.error_kinds import ERROR_KINDS
from mmvis_plugin.visualization.error_overlay import frame_boxes

META = dict(
    classes=('cup', 'dog', 'sky'),
    label2cat=[1, 2, 3],
    thing_classes=('cup', 'dog'),
    palette=[(0, 90, 0), (90, 0, 0), (0, 0, 90)])
SIZE = (300, 400)
# x1, y1, x2, y2
LEFT, RIGHT, LOW = (40, 60, 140, 160), (240, 60, 340, 160), (40, 200, 140, 280)


def mask(box):
    out = np.zeros((1, *SIZE), bool)
    out[:, box[1]:box[3], box[0]:box[2]] = True
    return encode_masks(out)[0]


def masked_frame(objects, tracks):
    return dict(
        video_id=1,
        frame_id=0,
        ori_shape=SIZE,
        instances=[
            dict(instance_id=i, bbox_label=0, bbox=list(box), mask=mask(box))
            for i, box in objects.items()
        ],
        pred_track_instances=dict(
            instances_id=torch.tensor(list(tracks)),
            labels=torch.zeros(len(tracks), dtype=torch.long),
            scores=torch.tensor([score for score, _ in tracks.values()]),
            masks=[mask(box) for _, box in tracks.values()]))


def box_colors(panel, box):
    """Return the colours in the middles of the sides of a box."""
    x1, y1, x2, y2 = box
    x, y = (x1 + x2) // 2, (y1 + y2) // 2
    return [
        tuple(panel[at].tolist())
        for at in ((y, x1), (y, x2), (y1, x), (y2, x))
    ]


def drawn_panels(frame):
    comparison = VideoComparison(META)
    comparison.add(frame)
    image = np.full((*SIZE, 3), 128, np.uint8)
    drawn = ErrorOverlay(META).draw(image, frame, comparison.errors(), 0)
    assert drawn.shape == (300, 800, 3)
    return drawn[:, :400], drawn[:, 400:]


def test_errors_have_boxes_in_their_colour():
    """One object is found, one missed; one track is on nothing."""
    gt, pred = drawn_panels(
        masked_frame({
            3: LEFT,
            4: RIGHT
        }, {
            7: (0.9, LEFT),
            8: (0.9, LOW),
            9: (0.1, RIGHT)
        }))
    assert set(box_colors(gt, RIGHT)) == {ERROR_KINDS['miss'].rgb}
    assert set(box_colors(pred, LOW)) == {ERROR_KINDS['false_track'].rgb}
    # a birth is no error; tracks of low scores are not drawn
    kinds = {kind.rgb for kind in ERROR_KINDS.values()}
    assert not kinds & set(box_colors(gt, LEFT))
    assert not kinds & set(box_colors(pred, LEFT))
    assert (pred[70:150, 260:330] == 128).all()
    assert (gt[210:270, 60:130] == 128).all()


def test_absent_tracks_leave_no_trace():
    frame = masked_frame({3: LEFT}, {7: (0.9, LEFT), 8: (0.9, (0, 0, 0, 0))})
    _, pred = drawn_panels(frame)
    assert (pred[:40, :40] == 128).all()


def test_boxes_without_masks():
    frame = masked_frame({3: LEFT, 4: RIGHT}, {7: (0.9, LEFT)})
    for item in frame['instances']:
        del item['mask']
    pred = frame['pred_track_instances']
    del pred['masks']
    pred['bboxes'] = torch.tensor([LEFT]).float()
    gt, _ = drawn_panels(frame)
    assert set(box_colors(gt, RIGHT)) == {ERROR_KINDS['miss'].rgb}


@pytest.fixture
def panoptic(tmp_path):
    ids = np.full(SIZE, 9, np.uint32)
    pred = np.full(SIZE, 2, np.int64)
    for number, box in ((5, LEFT), (6, RIGHT)):
        ids[box[1]:box[3], box[0]:box[2]] = number
    pred[LEFT[1]:LEFT[3], LEFT[0]:LEFT[2]] = 4000  # a cup, track 4
    pred[LOW[1]:LOW[3], LOW[0]:LOW[2]] = 8001  # a dog, track 8
    write_panoptic_map(str(tmp_path / 'map.png'), ids)
    return dict(
        video_id=1,
        frame_id=0,
        ori_shape=SIZE,
        seg_map_path=str(tmp_path / 'map.png'),
        segments_info=[
            dict(
                id=i,
                category=label,
                is_thing=label < 2,
                iscrowd=0,
                instance_id=10 + i) for i, label in ((5, 0), (6, 0), (9, 2))
        ],
        pred_panoptic_seg=dict(sem_seg=torch.from_numpy(pred)[None]))


def test_panoptic_maps(panoptic):
    objects, tracks = frame_boxes(panoptic, META)
    assert {
        k: v.tolist()
        for k, v in objects.items()
    } == {
        5: list(LEFT),
        6: list(RIGHT),
        9: [0, 0, 400, 300]
    }
    assert {
        k: v.tolist()
        for k, v in tracks.items()
    } == {
        2: [0, 0, 400, 300],
        4000: list(LEFT),
        8001: list(LOW)
    }
    gt, pred = drawn_panels(panoptic)
    assert set(box_colors(gt, RIGHT)) == {ERROR_KINDS['miss'].rgb}
    assert set(box_colors(pred, LOW)) == {ERROR_KINDS['false_track'].rgb}
    kinds = {kind.rgb for kind in ERROR_KINDS.values()}
    assert not kinds & set(box_colors(gt, LEFT))
