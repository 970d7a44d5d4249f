import time

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.structures import write_panoptic_map
from mmvis_plugin.visualization import VideoVisualizer, track_colors
from mmvis_plugin.visualization.palette import NO_TRACK_COLOR
from mmvis_plugin.visualization.panoptic_overlay import (PanopticPanel,
                                                         draw_segments,
                                                         draw_stuff_names,
                                                         stripes)

META = dict(
    classes=('car', 'cat', 'road', 'sky'),
    thing_classes=('car', 'cat'),
    palette=[(9, 9, 9), (9, 9, 9), (100, 40, 200), (0, 200, 100)])
SKY, ROAD, CAR, CAT, LOST = 3, 2, 7000, 5001, 1
PRED = np.array([[SKY, SKY, SKY, SKY, SKY, SKY], [SKY, CAR, CAR, SKY, 4, 255],
                 [ROAD, CAR, CAR, CAT, 4, 255],
                 [ROAD, ROAD, ROAD, CAT, LOST, LOST]])
IDS = np.array([[30, 30, 30, 30, 30, 30], [30, 41, 41, 30, 0, 0],
                [20, 41, 41, 52, 0, 99], [20, 20, 20, 52, 52, 52]])
SEGMENTS = [
    dict(id=20, category=2, is_thing=False, iscrowd=0),
    dict(id=30, category=3, is_thing=False, iscrowd=0),
    dict(id=41, category=0, is_thing=True, iscrowd=0, instance_id=7),
    dict(id=52, category=1, is_thing=True, iscrowd=1, instance_id=5),
]
GRAY = np.full((4, 6, 3), 50, np.uint8)
BARE = dict(draw_label=False, draw_contour=False, min_side=0)


def tint(color):
    return np.asarray(color) * 0.5 + 25


def sample_of(**fields):
    sample = DetDataSample(
        metainfo=dict(frame_id=0, video_id=1, ori_shape=(4, 6)))
    sample.set_metainfo(fields.pop('meta', {}))
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def visualizer(**kwargs):
    result = VideoVisualizer(alpha=0.5, **{**BARE, **kwargs})
    result.dataset_meta = META
    return result


def test_rows_of_a_prediction():
    panel = PanopticPanel.from_prediction(torch.tensor(PRED)[None], 4, 6, META)
    # ascending by value: 1 (a thing without a track), 2, 3, 5001, 7000
    assert panel.labels.tolist() == [-1, 1, 2, 3, 1, 0]
    assert panel.ids.tolist() == [-1, -1, -1, -1, 5, 7]
    assert panel.is_thing.tolist() == [False, True, False, False, True, True]
    assert not panel.ignored.any()
    assert panel.rows.tolist() == [[3, 3, 3, 3, 3, 3], [3, 5, 5, 3, 0, 0],
                                   [2, 5, 5, 4, 0, 0], [2, 2, 2, 4, 1, 1]]
    assert panel.boxes.tolist() == [[0, 0, 0, 0], [4, 3, 6, 4], [0, 2, 3, 4],
                                    [0, 0, 6, 2], [3, 2, 4, 4], [1, 1, 3, 3]]


def test_rows_of_an_annotation():
    panel = PanopticPanel.from_annotation(
        IDS.astype(np.uint32), SEGMENTS, 4, 6)
    assert panel.labels.tolist() == [-1, 2, 3, 0, 1]
    assert panel.ids.tolist() == [-1, -1, -1, 7, 5]
    assert panel.ignored.tolist() == [False, False, False, False, True]
    # 99 is not listed: void
    assert panel.rows[2].tolist() == [1, 3, 3, 4, 0, 0]


def test_every_pixel_of_a_prediction():
    out = visualizer(hatch_void=False).overlay(
        GRAY,
        sample_of(
            pred_panoptic_seg=PixelData(sem_seg=torch.tensor(PRED)[None])))
    colors = {
        SKY: (0, 200, 100),
        ROAD: (100, 40, 200),
        CAR: track_colors([7])[0],
        CAT: track_colors([5])[0],
        LOST: NO_TRACK_COLOR,
        4: (50, 50, 50),
        255: (50, 50, 50)
    }
    wanted = np.array([[tint(colors[v]) for v in row] for row in PRED])
    np.testing.assert_allclose(out, wanted, atol=1)


def test_void_and_crowds_are_hatched():
    info = dict(segments_info=SEGMENTS)
    truth = PixelData(pan_seg=torch.tensor(IDS)[None])
    truth.set_metainfo(info)
    image = np.full((40, 60, 3), 50, np.uint8)
    drawn = visualizer().overlay(
        image, sample_of(gt_panoptic_seg=truth), draw_gt=True, draw_pred=False)
    big = IDS.repeat(10, axis=0).repeat(10, axis=1)
    hatch = stripes(40, 60, 8)
    assert hatch.mean() == 0.5
    plain = (drawn == 50).all(axis=2)
    np.testing.assert_array_equal(plain, np.isin(big, (0, 52, 99)) & ~hatch)
    crowd = drawn[(big == 52) & hatch]
    np.testing.assert_allclose(
        crowd, np.broadcast_to(tint(track_colors([5])[0]), crowd.shape), 0, 1)
    void = drawn[np.isin(big, (0, 99)) & hatch]
    np.testing.assert_allclose(
        void, np.broadcast_to(tint(NO_TRACK_COLOR), void.shape), 0, 1)


@pytest.mark.parametrize('outline', [1, 2, 3])
def test_things_are_outlined_inside(outline):
    ids = np.zeros((30, 40), int) + 30
    ids[10:20, 15:30] = 41
    panel = PanopticPanel.from_annotation(ids, SEGMENTS, 30, 40)
    image = np.full((30, 40, 3), 50, np.uint8)
    drawn = draw_segments(image, panel, panel.colors(META), 0., outline)
    wanted = ids == 41
    wanted[10 + outline:20 - outline, 15 + outline:30 - outline] = False
    full = (drawn == track_colors([7])).all(axis=2)
    np.testing.assert_array_equal(full, wanted)
    assert (drawn[~wanted] == 50).all()


def test_colours_stay_over_frames_and_between_truth_and_prediction():
    frames = [PRED, np.where(PRED == SKY, ROAD, PRED)[::-1].copy()]
    panels = [PanopticPanel.from_prediction(f, 4, 6, META) for f in frames]
    panels.append(PanopticPanel.from_annotation(IDS, SEGMENTS, 4, 6))
    seen = {}
    for panel in panels:
        for label, i, color in zip(panel.labels, panel.ids,
                                   panel.colors(META).tolist()):
            assert seen.setdefault((label, i), color) == color
    assert len(set(map(tuple, seen.values()))) >= 5


def test_map_is_read_from_its_file(tmp_path):
    path = str(tmp_path / 'map.png')
    write_panoptic_map(path, IDS)
    sample = sample_of(
        meta=dict(seg_map_path=path, segments_info=SEGMENTS, instances=[]))
    draw = dict(draw_gt=True, draw_pred=False)
    from_file = visualizer().overlay(GRAY, sample, **draw)
    truth = PixelData(pan_seg=torch.tensor(IDS)[None])
    packed = sample_of(
        gt_panoptic_seg=truth, meta=dict(segments_info=SEGMENTS))
    np.testing.assert_array_equal(from_file,
                                  visualizer().overlay(GRAY, packed, **draw))
    assert from_file[0, 0].tolist() == [25, 125, 75]
    unknown = sample_of(
        meta=dict(seg_map_path=path, segments_info=SEGMENTS, has_ann=False))
    assert (visualizer().overlay(GRAY, unknown, **draw) == 50).all()


def test_labels_name_things_with_ids_and_stuff_without(monkeypatch):
    seen = []
    monkeypatch.setattr(
        'mmvis_plugin.visualization.text._draw_chip',
        lambda image, rect, line, *args: seen.append((line, rect)))
    image = np.full((256, 384, 3), 50, np.uint8)
    pred = PixelData(sem_seg=torch.tensor(PRED)[None])
    visualizer(draw_label=True).overlay(image,
                                        sample_of(pred_panoptic_seg=pred))
    assert sorted(line for line, _ in seen) == [
        'car #7', 'cat', 'cat #5', 'road', 'sky'
    ]
    rects = dict(seen)
    x1, y1, x2, y2 = rects['sky']
    assert y2 <= 128 and rects['road'][1] >= 128


def test_stuff_is_named_inside_itself_or_not_at_all():
    rows = np.zeros((200, 300), np.int32)
    rows[:, 100:] = 1
    rows[90:95, 20:60] = 2
    blank = np.zeros(3, bool)
    panel = PanopticPanel(rows, np.array([-1, 0, 1]), np.full(3, -1), blank,
                          blank)
    image = np.full((200, 300, 3), 50, np.uint8)
    taken = [(150, 60, 280, 150)]
    draw_stuff_names(image, panel, ['', 'sky', 'ground'],
                     np.full((3, 3), 255, np.uint8), 12, taken)
    assert len(taken) == 2  # the narrow strip has no room for its name
    x1, y1, x2, y2 = taken[1]
    assert (rows[y1:y2, x1:x2] == 1).all()
    assert y2 <= 60 or y1 >= 150 or x2 <= 150
    assert (image[y1:y2, x1:x2] != 50).any()


def test_boxes_of_training_targets_over_the_map():
    ids = IDS.repeat(10, axis=0).repeat(10, axis=1)
    truth = PixelData(pan_seg=torch.tensor(ids)[None])
    targets = InstanceData(
        bboxes=torch.tensor([[5., 5, 55, 35]]),
        labels=torch.tensor([0]),
        instances_ids=torch.tensor([7]))
    sample = sample_of(
        gt_panoptic_seg=truth,
        gt_instances=targets,
        meta=dict(segments_info=SEGMENTS))
    image = np.full((40, 60, 3), 50, np.uint8)
    plain, boxed = (
        visualizer(draw_bbox=bbox).overlay(
            image, sample, draw_gt=True, draw_pred=False)
        for bbox in (None, True))
    changed = (plain != boxed).any(axis=2)
    line, near = np.zeros((2, 40, 60), bool)
    line[5:36, 5:56] = near[4:37, 4:57] = True
    line[6:35, 6:55] = near[7:34, 7:54] = False
    assert changed[line].all() and not changed[~near].any()


def test_without_a_palette_stuff_is_coloured_by_label():
    panel = PanopticPanel.from_prediction(PRED, 4, 6)
    colors = panel.colors()
    assert panel.is_thing.tolist()[-2:] == [True, True]
    np.testing.assert_array_equal(colors[panel.labels == 3], track_colors([3]))


def test_drawing_does_not_loop_over_pixels():
    big = np.kron(PRED, np.ones((128, 170), int))
    sample = sample_of(
        pred_panoptic_seg=PixelData(sem_seg=torch.tensor(big)[None]))
    image = np.zeros((*big.shape, 3), np.uint8)
    vis = visualizer(draw_label=True, draw_contour=True)
    vis.overlay(image, sample)
    start = time.process_time()
    vis.overlay(image, sample)
    # about 0.02 s; a loop over the half million pixels takes over 0.5 s
    assert time.process_time() - start < 0.25
