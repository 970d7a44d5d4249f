import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmvis_plugin.apis import (VideoStream, inference_frame, init_video_model,
                               pick_device)
from mmvis_plugin.structures import as_rle
from mmvis_plugin.utils.errors import AnnotationError, CheckpointError
from ..spot_tracker import spot_config, spot_frame, write_config


def boxes_of(sample):
    pred = sample.pred_track_instances
    return {
        int(i): box.tolist()
        for i, box in zip(pred.instances_id, pred.bboxes)
    }


def check_video(samples):
    for t, sample in enumerate(samples):
        wanted = {0: [4 + 4 * t, 8, 24 + 4 * t, 28]}
        if t >= 2:
            wanted[2] = [52, 36, 72, 56]
        assert boxes_of(sample) == wanted
        assert sample.frame_id == t and sample.ori_shape == (60, 80)
        pred = sample.pred_track_instances
        scores = [0.1 if t == 0 else 0.9, 0.1 if t == 2 else 0.9]
        np.testing.assert_allclose(pred.scores, scores[:len(pred)], atol=1e-6)
        assert all(as_rle(rle, 60, 80) is rle for rle in pred.masks)


@pytest.mark.parametrize('scale, height', [(None, 60), ((160, 120), 120),
                                           ((40, 30), 30), ((48, 64), 48)])
def test_results_are_in_pixels_of_the_frame(scale, height):
    model = init_video_model(spot_config(scale), device='cpu')
    samples = [inference_frame(model, spot_frame(t), t) for t in range(4)]
    if scale == (48, 64):  # 0.8: boxes are exact up to the resampling
        for sample, wanted in zip(samples, ([4, 8, 24, 28], [8, 8, 28, 28])):
            np.testing.assert_allclose(boxes_of(sample)[0], wanted, atol=2)
    else:
        check_video(samples)
    assert samples[0].img_shape[0] == height


def test_frame_0_opens_a_new_video():
    model = init_video_model(spot_config(), device='cpu')
    for _ in range(2):
        check_video([
            inference_frame(model, spot_frame(t), t, video_len=3)
            for t in range(3)
        ])
    assert inference_frame(
        model, spot_frame(0), 0, video_len=3).ori_video_length == 3
    assert 'ori_video_length' not in inference_frame(model, spot_frame(0), 0)


def test_image_files(tmp_path):
    model = init_video_model(spot_config(), device='cpu')
    cv2.imwrite(str(tmp_path / '0.png'), spot_frame(0))
    check_video([inference_frame(model, tmp_path / '0.png', 0)])


@pytest.mark.parametrize('frame_ids, expected', [((3, ), 0), ((0, 2), 1),
                                                 ((0, 1, 1), 2)])
def test_frames_out_of_order(frame_ids, expected):
    model = init_video_model(spot_config(), device='cpu')
    for t in frame_ids[:-1]:
        inference_frame(model, spot_frame(t), t)
    with pytest.raises(
            ValueError,
            match=f'frame_id {frame_ids[-1]}, expected {expected}'):
        inference_frame(model, spot_frame(0), frame_ids[-1])


def test_two_streams_of_one_model():
    model = init_video_model(spot_config(), device='cpu')
    one, two = VideoStream(model), VideoStream(model, video_id=7)
    first = [one.step(spot_frame(0)), one.step(spot_frame(1))]
    second = [two.step(spot_frame(0))]
    first.append(one.step(spot_frame(2)))
    second += [two.step(spot_frame(t)) for t in (1, 2)]
    check_video(first)
    check_video(second)
    assert (first[0].video_id, second[0].video_id) == (0, 7)


def test_size_change_and_wrong_arrays():
    model = init_video_model(spot_config(), device='cpu')
    inference_frame(model, spot_frame(0), 0)
    with pytest.raises(
            AnnotationError, match=r'size \(80, 60\), expected \(60, 80\)'):
        inference_frame(model, spot_frame(1, (80, 60)), 1)
    with pytest.raises(AnnotationError, match='expected uint8'):
        inference_frame(model, spot_frame(0).astype(np.float32), 0)


def save(model, path, **meta):
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return str(path)


def test_checkpoint_gives_weights_and_class_names(tmp_path):
    model = init_video_model(spot_config(), device='cpu')
    assert model.dataset_meta['classes'] == ('even', 'odd')
    assert not model.training
    with torch.no_grad():
        model.bias += 2
    meta = dict(classes=('left', 'right'))
    path = save(model, tmp_path / 'a.pth', dataset_meta=meta)
    loaded = init_video_model(write_config(tmp_path), path, 'cpu')
    assert loaded.dataset_meta == meta
    assert loaded.bias.tolist() == [2, 2, 2]
    plain = save(model, tmp_path / 'b.pth')
    loaded = init_video_model(spot_config(), plain, 'cpu')
    assert loaded.dataset_meta['classes'] == ('even', 'odd')


def test_config_without_data():
    cfg = Config(dict(model=spot_config().model))
    model = init_video_model(cfg, device='cpu')
    assert model.dataset_meta == dict(classes=None)
    check_video([inference_frame(model, spot_frame(t), t) for t in range(3)])


def test_cfg_options_leave_the_config_alone():
    cfg = spot_config()
    options = {'model.data_preprocessor.pad_size_divisor': 1}
    model = init_video_model(cfg, device='cpu', cfg_options=options)
    sample = inference_frame(model, spot_frame(0), 0)
    assert sample.batch_input_shape == (60, 80)
    assert cfg.model.data_preprocessor.pad_size_divisor == 32


def test_checkpoint_of_other_classes(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=dict(bias=torch.zeros(5))), path)
    with pytest.raises(CheckpointError, match=r'bias has shape \(5,\)'):
        init_video_model(spot_config(), path, 'cpu')


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such config'):
        init_video_model(tmp_path / 'a.py')
    with pytest.raises(FileNotFoundError, match='no such checkpoint'):
        init_video_model(spot_config(), str(tmp_path / 'a.pth'), 'cpu')


def test_model_that_is_not_online():
    cfg = Config(dict(default_scope='mmdet', model=dict(type='FPN')))
    cfg.model.update(in_channels=[4, 8], out_channels=4, num_outs=2)
    with pytest.raises(ValueError, match='model is a FPN, expected an online'):
        init_video_model(cfg, device='cpu')


def test_devices():
    best = 'cuda' if torch.cuda.is_available() else 'cpu'
    assert pick_device().type == best
    assert pick_device('cpu').type == 'cpu'
    with pytest.raises(ValueError, match="'gpu' is unknown"):
        pick_device('gpu')
    with pytest.raises(ValueError, match="'cuda:99' is not here: .*'cpu'"):
        pick_device('cuda:99')
