"""All systems, at a small size, give what a test of them gives."""
import copy
import json
import os

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from mmvis_plugin.apis import VideoInferencer
from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.testing import assert_same_results
from ..recipe_steps import small_model
from ..recipes import load

NUM = 3
NAMES = dict(
    inspro=('inspro/inspro_r18_fpn_movingshapes-tiny', 'youtube_vis.json'),
    boxes=('inspro/inspro-vid_r18_fpn_movingshapes-tiny', 'mot.txt'),
    pcan=('pcan/pcan_r18_fpn_movingshapes-tiny', 'youtube_vis.json'),
    online=('cavis/cavis-online_r18_movingshapes-tiny', 'youtube_vis.json'),
    offline=('cavis/cavis-offline_r18_movingshapes-tiny', 'youtube_vis.json'),
    panoptic=('cavis/cavis-offline_r18_movingshapes-vps-tiny',
              'panoptic.json'),
    hybrid=('hybrid_tracker/hybrid-tracker_r18_fpn_movingshapes-vps-tiny',
            'panoptic.json'))
INFERENCERS = {}


@pytest.fixture(params=NAMES)
def system(request):
    """Name, inferencer and ending of the usual output of a system."""
    name, (recipe, ending) = request.param, NAMES[request.param]
    if name not in INFERENCERS:
        cfg = copy.deepcopy(load(f'configs/{recipe}.py'))
        cfg.model = small_model(cfg)
        if name == 'panoptic':  # an untrained model finds something
            cfg.model.test_cfg = dict(score_thr=0., overlap_thr=0.)
        if name in ('inspro', 'boxes'):
            cfg.model.test_cfg.frame_score_thr = 0.
        INFERENCERS[name] = VideoInferencer(
            cfg, device='cpu', show_progress=False)
        INFERENCERS[name].model.init_weights()
    return name, INFERENCERS[name], ending


@pytest.fixture
def folder(tmp_path):
    """A folder with frames of blocks."""
    (tmp_path / 'clip').mkdir()
    rng = np.random.default_rng(0)
    for t in range(NUM):
        blocks = rng.integers(0, 256, (6, 10, 3), np.uint8)
        cv2.imwrite(
            str(tmp_path / f'clip/{t}.png'),
            cv2.resize(blocks, (160, 96), interpolation=cv2.INTER_NEAREST))
    return tmp_path / 'clip'


def as_in_a_test(model, folder):
    """Return what the test loop would get of a video."""
    steps = model.cfg.test_dataloader.dataset.pipeline
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    data = pipeline(
        dict(
            img_path=[str(folder / f'{t}.png') for t in range(NUM)],
            img_id=list(range(NUM)),
            frame_id=list(range(NUM)),
            video_id=[1] * NUM,
            ori_video_length=[NUM] * NUM))
    with torch.no_grad():
        return model.test_step({
            key: [value]
            for key, value in data.items()
        })[0]


class Sample(list):
    """Frames in the place of a ``TrackDataSample``."""


def test_whole_videos_as_in_a_test(system, folder):
    _, inferencer, _ = system
    found = inferencer(folder, return_datasamples=True)
    assert_same_results(
        as_in_a_test(inferencer.model, folder), Sample(found['predictions']))


def test_streams_do_not_depend_on_the_clips(system, folder, monkeypatch):
    name, inferencer, _ = system
    encode = inferencer.model.encode

    def encode_singly(inputs):
        # with random weights, rounding grows from frame to frame
        parts = zip(*(encode(inputs[i:i + 1]) for i in range(len(inputs))))
        return [torch.cat(part) for part in parts]

    monkeypatch.setattr(inferencer.model, 'encode', encode_singly)
    one, two = (
        Sample(r['predictions'] for r in inferencer(
            folder, return_datasamples=True, stream=True, clip_len=clip_len))
        for clip_len in (1, 2))
    assert_same_results(one, two)
    if name in ('pcan', 'hybrid'):  # whose results are final at once
        assert_same_results(one, as_in_a_test(inferencer.model, folder))


@pytest.mark.parametrize('stream', [False, True])
def test_usual_outputs(system, folder, tmp_path, stream):
    name, inferencer, ending = system
    found = inferencer(
        folder, out_dir=tmp_path / 'o', no_save_pred=False, stream=stream)
    predictions = [r['predictions']
                   for r in found] if stream else found['predictions']
    # the untrained tracker of CAVIS finds nothing
    found_something = any(p['labels'] for p in predictions)
    assert found_something or (name == 'panoptic' and stream)
    json.dumps(predictions)
    assert os.listdir(tmp_path / 'o/vis') == ['clip.mp4']
    path = tmp_path / f'o/preds/clip_{ending}'
    assert path.is_file()
    if ending == 'youtube_vis.json':
        tracks = json.loads(path.read_text())
        ids = {i for p in predictions for i in p['instances_id']}
        assert len(tracks) == len(ids)
        assert all(len(t['segmentations']) == NUM for t in tracks)
    if ending == 'panoptic.json':
        video, = json.loads(path.read_text())['annotations']
        for frame, prediction in zip(video['annotations'], predictions):
            assert (tmp_path / 'o/preds/clip_panoptic' /
                    frame['file_name']).is_file()
            assert len(frame['segments_info']) == len(prediction['labels'])


def test_output_that_does_not_fit(system, folder, tmp_path):
    name, inferencer, ending = system
    kind = 'ids' if ending != 'youtube_vis.json' else 'panoptic'
    with pytest.raises(ValueError, match='but the model predicts') as error:
        inferencer(folder, out_dir=tmp_path / 'o', outputs=['video', kind])
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'o').exists()
