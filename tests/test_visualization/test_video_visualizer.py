import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmvis_plugin.registry import VISUALIZERS
from mmvis_plugin.structures import encode_masks
from mmvis_plugin.visualization import VideoVisualizer, track_colors
from mmvis_plugin.visualization.ground_truth import ground_truth

H, W = 120, 200
GRAY = np.full((H, W, 3), 100, np.uint8)
BARE = dict(draw_label=False, draw_contour=False, min_side=0)


def instances(ids, lefts, scores=None, masks=True):
    """20x40 boxes at (left, 50)."""
    boxes = torch.tensor([[x, 50, x + 40, 70] for x in lefts]).reshape(-1, 4)
    result = InstanceData(
        instances_id=torch.tensor(ids, dtype=torch.long),
        labels=torch.tensor(ids, dtype=torch.long) % 2,
        bboxes=boxes.float())
    if scores is not None:
        result.scores = torch.tensor(scores)
    if masks:
        dense = np.zeros((len(ids), H, W), bool)
        for mask, x in zip(dense, lefts):
            mask[50:70, x:x + 40] = True
        result.masks = encode_masks(dense)
    return result


def frame(pred, frame_id=0, video_id=1, **metainfo):
    sample = DetDataSample(
        metainfo=dict(
            frame_id=frame_id, video_id=video_id, ori_shape=(H,
                                                             W), **metainfo))
    sample.pred_track_instances = pred
    return sample


def differs(image, other=GRAY):
    return (image != other).any(axis=2)


@pytest.mark.parametrize('scope', ['mmdet', 'mmvis_plugin'])
def test_builds_from_config(scope):
    init_default_scope(scope)
    cfg = dict(type='VideoVisualizer', trail_length=3, name=f'built_{scope}')
    visualizer = VISUALIZERS.build(cfg)
    assert isinstance(visualizer, VideoVisualizer)


def test_masks_wear_the_colour_of_their_track():
    out = VideoVisualizer(
        alpha=0.5,
        **BARE).overlay(GRAY, frame(instances([0, 5], [10, 100], [0.9, 0.9])))
    colors = track_colors([0, 5]).astype(float)
    np.testing.assert_allclose(out[60, 30], colors[0] / 2 + 50, atol=1)
    np.testing.assert_allclose(out[60, 120], colors[1] / 2 + 50, atol=1)
    wanted = np.zeros((H, W), bool)
    wanted[50:70, 10:50] = wanted[50:70, 100:140] = True
    np.testing.assert_array_equal(differs(out), wanted)


def test_input_is_left_alone_and_drawing_is_repeatable():
    image = GRAY.copy()
    sample = frame(instances([3], [10], [0.9]))
    first = VideoVisualizer(trail_length=5).overlay(image, sample)
    second = VideoVisualizer(trail_length=5).overlay(image, sample)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(image, GRAY)


def test_threshold_keeps_what_reaches_it():
    pred = instances([0, 1, 2], [5, 60, 120], [0.2, 0.5, 0.8])
    out = VideoVisualizer(**BARE).overlay(
        GRAY, frame(pred), pred_score_thr=0.5)
    columns = differs(out)[60]
    assert not columns[5:45].any()
    assert columns[60:100].all() and columns[120:160].all()


@pytest.mark.parametrize('empty', [False, True])
def test_frame_without_objects(empty):
    pred = instances([], [], []) if empty else instances([0], [9], [0.1])
    out = VideoVisualizer(
        legend=True, trail_length=4).overlay(GRAY, frame(pred))
    assert out.shape == (3 * H, 3 * W, 3) and (out == 100).all()


def test_dense_masks_and_boxes_from_masks_give_the_same_picture():
    pred = instances([0, 1], [10, 90], [0.9, 0.8])
    wanted = VideoVisualizer().overlay(GRAY, frame(pred))
    dense = np.zeros((2, H, W), bool)
    dense[0, 50:70, 10:50] = dense[1, 50:70, 90:130] = True
    bare = InstanceData(
        instances_id=pred.instances_id, labels=pred.labels, scores=pred.scores)
    bare.masks = torch.from_numpy(dense)
    np.testing.assert_array_equal(VideoVisualizer().overlay(GRAY, frame(bare)),
                                  wanted)


@pytest.mark.parametrize('draw_bbox, masks, drawn', [(None, True, False),
                                                     (None, False, True),
                                                     (True, True, True),
                                                     (False, False, False)])
def test_boxes_are_drawn_where_asked_or_needed(draw_bbox, masks, drawn):
    visualizer = VideoVisualizer(alpha=0., draw_bbox=draw_bbox, **BARE)
    out = visualizer.overlay(GRAY,
                             frame(instances([0], [10], [0.9], masks=masks)))
    assert bool(differs(out)[50, 30]) == drawn
    assert not differs(out)[60, 30]


def test_row_with_an_empty_mask_shows_its_box():
    pred = instances([0, 1], [10, 100], [0.9, 0.9])
    pred.masks[1] = encode_masks(np.zeros((1, H, W), bool))[0]
    out = differs(VideoVisualizer(**BARE).overlay(GRAY, frame(pred)))
    assert out[50, 120] and not out[60, 120]


@pytest.mark.parametrize('min_side, factor', [(0, 1), (120, 1), (121, 2),
                                              (256, 3)])
def test_small_frames_are_enlarged_by_a_whole_number(min_side, factor):
    visualizer = VideoVisualizer(**{**BARE, 'min_side': min_side})
    out = visualizer.overlay(GRAY, frame(instances([0], [10], [0.9])))
    assert out.shape == (factor * H, factor * W, 3)
    ys, xs = np.nonzero((out != 100).any(axis=2))
    assert (xs.min(), ys.min()) == (10 * factor, 50 * factor)
    assert (xs.max() + 1, ys.max() + 1) == (50 * factor, 70 * factor)


def test_trail_grows_and_ends_with_the_video():
    visualizer = VideoVisualizer(alpha=0., trail_length=20, **BARE)

    def draw(t, video_id=1):
        pred = instances([0], [4 * t], [0.9])
        return differs(visualizer.overlay(GRAY, frame(pred, t, video_id)))

    widths = [np.ptp(np.nonzero(draw(t))[1]) for t in range(10)]
    assert np.diff(widths).min() >= 3
    assert np.ptp(np.nonzero(draw(10, video_id=2))[1]) == widths[0]
    assert np.ptp(np.nonzero(draw(0, video_id=2))[1]) == widths[0]


def test_labels_name_class_id_and_score(monkeypatch):
    seen = []
    monkeypatch.setattr('mmvis_plugin.visualization.text.draw_labels',
                        lambda image, texts, *args: seen.extend(texts))
    visualizer = VideoVisualizer()
    pred = instances([2, 7], [10, 90], [0.9, 0.456])
    visualizer.overlay(GRAY, frame(pred))
    visualizer.dataset_meta = dict(classes=('cat', 'dog'))
    visualizer.overlay(GRAY, frame(pred))
    assert seen == [
        'class 0 #2 0.90', 'class 1 #7 0.46', 'cat #2 0.90', 'dog #7 0.46'
    ]


RECORDS = [
    dict(bbox=[10, 50, 50, 70], bbox_label=1, instance_id=0, ignore_flag=0),
    dict(bbox=[90, 50, 99, 70], bbox_label=0, instance_id=4, ignore_flag=1)
]


def test_ground_truth_from_records():
    polygon = [[10, 50, 50, 50, 50, 70, 10, 70]]
    rle = dict(size=[H, W], counts=[W * H])
    records = [dict(RECORDS[0], mask=polygon), dict(RECORDS[1], mask=rle)]
    truth = ground_truth(frame(instances([], []), instances=records))
    assert truth.instances_id.tolist() == [0]
    assert truth.labels.tolist() == [1]
    assert truth.bboxes.tolist() == [[10, 50, 50, 70]]
    wanted = instances([0], [10]).masks[0]
    assert truth.masks[0]['counts'] == wanted['counts']


def test_ground_truth_that_is_not_known():
    unknown = frame(instances([], []), instances=[], has_ann=False)
    assert ground_truth(unknown) is None
    loaded = frame(instances([], []))
    loaded.gt_instances = instances([3], [9])
    assert ground_truth(loaded).instances_id.tolist() == [3]


def test_ground_truth_stands_left_of_the_prediction():
    visualizer = VideoVisualizer(**BARE)
    sample = frame(
        instances([2], [120], [0.9]), instances=RECORDS[:1], has_ann=True)
    out = differs(
        visualizer.overlay(GRAY, sample, draw_gt=True),
        np.concatenate([GRAY, GRAY], axis=1))
    assert out.shape == (H, 2 * W)
    assert out[60, 10] and not out[60, 130]
    assert out[60, W + 130] and not out[60, W + 10]
    assert out[-2, 2] and out[-2, W + 2]  # captions


def test_add_datasample_like_the_hooks_of_mmdet(tmp_path):
    visualizer = VideoVisualizer(
        vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    sample = frame(instances([0], [10], [0.9]))
    drawn = visualizer.overlay(GRAY, sample)
    visualizer.add_datasample(
        'val_img', GRAY, data_sample=sample, pred_score_thr=0.3, step=4)
    np.testing.assert_array_equal(visualizer.get_image(), drawn)
    stored = cv2.imread(str(tmp_path /
                            'vis_data/vis_image/val_img_4.png'))[..., ::-1]
    np.testing.assert_array_equal(stored, drawn)
    out_file = tmp_path / 'a/b.png'
    visualizer.add_datasample('test_img', GRAY, sample, out_file=str(out_file))
    np.testing.assert_array_equal(cv2.imread(str(out_file))[..., ::-1], drawn)


def test_inherited_drawing_still_works():
    visualizer = VideoVisualizer()
    visualizer.add_datasample('a', GRAY, frame(instances([0], [10], [0.9])))
    visualizer.set_image(GRAY)
    visualizer.draw_bboxes(np.array([[20, 20, 60, 60]]), edge_colors='r')
    image = visualizer.get_image()
    assert image.shape == GRAY.shape and image[40, 20, 0] > 150
    assert image[90, 30].tolist() == [100, 100, 100]


def test_alpha_out_of_range():
    with pytest.raises(ValueError, match='alpha must be in'):
        VideoVisualizer(alpha=1.2)
