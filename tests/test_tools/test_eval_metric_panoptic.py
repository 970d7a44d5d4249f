"""A submission of panoptic maps, written by a metric, scored by the tool."""
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS
from mmengine.structures import PixelData

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_cityscapes_vps,
                                                     write_vipseg)

SCRIPT = Path(__file__).parents[2] / 'tools/analysis_tools/eval_metric.py'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
test_dataloader = dict(dataset=dict(
    data_root='{root}', test_mode=True, {dataset}, pipeline=[
        dict(type='TransformBroadcaster', transforms=[
            dict(type='LoadVideoFrame'), dict(type='LoadFramePanoptic')]),
        dict(type='PackClipInputs')]))
test_evaluator = [dict(type='VPQMetric'), dict(type='STQMetric')]
"""
CITY = """type='CityscapesVPS', frames='all',
    ann_file='panoptic_gt_val_city_vps.json', data_prefix=dict(
        img_path='val/img_all', seg_map_path='val/panoptic_video')"""
VIPSEG = """type='VIPSeg', ann_file='panoptic_gt_VIPSeg_val.json',
    data_prefix=dict(img_path='images', seg_map_path='panomasksRGB')"""
FORMS = dict(
    cityscapes_vps=(write_cityscapes_vps, CITY), vipseg=(write_vipseg, VIPSEG))


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def config(form, tmp_path):
    write, dataset = FORMS[form]
    root = tmp_path / 'data'
    write(str(root), get_cfg('micro', num_train=1, num_val=2, num_frames=5))
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(root=root, dataset=dataset))
    return path


def predict(frame):
    """Predict the truth; from frame 12 (or 2) on objects get new ids, the
    lower rows are void."""
    late = frame.frame_id * 5 >= 2 * frame.ori_video_length
    ids = frame.gt_panoptic_seg.pan_seg
    pred = torch.full(ids.shape, 255, dtype=torch.int64)
    for segment in frame.segments_info:
        track = segment['instance_id'] + 100 * late if segment[
            'is_thing'] else 0
        pred[ids == segment['id']] = segment['category'] + 1000 * track
    pred[:, -9:] = 255
    frame.pred_panoptic_seg = PixelData(sem_seg=pred)


def run(monkeypatch, capsys, *words):
    """Return what the tool prints, by name."""
    monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, words)])
    runpy.run_path(str(SCRIPT), run_name='__main__')
    lines = [line.split(': ') for line in capsys.readouterr().out.splitlines()]
    return {
        words[0]: float(words[1])
        for words in lines if words[0][:4] in ('vpq/', 'stq/')
    }


def test_scores_of_a_submission(form, config, tmp_path, monkeypatch, capsys):
    cfg = Config.fromfile(str(config))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    cfg.test_evaluator[0].update(
        outfile_prefix=str(tmp_path / 'out'), submission=form)
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        for frame in sample.video_data_samples:
            predict(frame)
        evaluator.process([sample])
    expected = evaluator.evaluate(len(dataset))
    assert 50 < expected['vpq/VPQ_2'] < expected['vpq/VPQ_1'] < 100
    capsys.readouterr()
    path = tmp_path / 'out.submission_file.zip'
    found = run(monkeypatch, capsys, config, path)
    assert len(found) == len(expected)
    assert found == pytest.approx(expected, rel=0, abs=1e-9, nan_ok=True)


def test_a_submission_of_other_data(config, tmp_path, monkeypatch, capsys):
    folder = tmp_path / 'other'
    (folder / 'pan_pred').mkdir(parents=True)
    (folder / 'pred.json').write_text('{"annotations": []}')
    with pytest.raises(SystemExit):
        run(monkeypatch, capsys, config, folder)
    error = capsys.readouterr().err
    assert 'pred.json lacks' in error and error.count('\n') == 1
