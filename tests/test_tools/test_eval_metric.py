import gzip
import json
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmvis_plugin.structures import encode_masks

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / 'tools/analysis_tools/eval_metric.py'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
test_dataloader = dict(dataset=dict(
    type='YouTubeVIS', ann_file='{ann_file}', check_files='none',
    test_mode=True, pipeline=[]))
test_evaluator = dict(type='VISMetric')
"""


@pytest.fixture
def case():
    path = ROOT / 'tests/data/metrics/ytvis_ap_a.json.gz'
    with gzip.open(path, 'rt') as file:
        return json.load(file)


def dumped_frame(case, video, frame_id):
    """Return a frame as ``tools/test.py --out`` writes it."""
    size = (video['height'], video['width'])
    nothing = encode_masks(np.zeros((1, *size)))[0]
    tracks = [(index, item) for index, item in enumerate(case['pred'])
              if item['video_id'] == video['id']]
    fields = InstanceData(
        instances_id=torch.tensor([index for index, _ in tracks]).long(),
        labels=torch.tensor([t['category_id'] - 1 for _, t in tracks]).long(),
        scores=torch.tensor([t['score'] for _, t in tracks]),
        bboxes=torch.zeros(len(tracks), 4),
        masks=[t['segmentations'][frame_id] or nothing for _, t in tracks])
    return dict(
        frame_id=frame_id,
        img_path='x.jpg',
        ori_shape=size,
        **dict(fields.items()))


def records_of(case):
    return [
        dict(
            video_id=video['id'],
            video_name='clip',
            frames=[
                dumped_frame(case, video, frame)
                for frame in range(video['length'])
            ]) for video in case['gt']['videos']
    ]


@pytest.fixture
def evaluate(case, tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on records."""
    ann_file, config = tmp_path / 'gt.json', tmp_path / 'config.py'
    ann_file.write_text(json.dumps(case['gt']))
    config.write_text(CONFIG.format(ann_file=ann_file))

    def run(records, *options):
        path = tmp_path / 'out.pkl'
        if 'frames' in records[0] or 'video_name' in records[0]:
            path.write_bytes(pickle.dumps(records))
        else:
            path = tmp_path / 'results.json'
            path.write_text(json.dumps(records))
        monkeypatch.setattr(
            sys, 'argv',
            [str(SCRIPT), str(config),
             str(path), *options])
        runpy.run_path(str(SCRIPT), run_name='__main__')
        return capsys.readouterr().out

    return run


def test_scores_of_a_dumped_test(case, evaluate):
    lines = evaluate(
        records_of(case), '--cfg-options',
        'test_evaluator.classwise=True').splitlines()
    results = dict(line.split(': ') for line in lines if line[:4] == 'vis/')
    for key, value in case['expected']['stats'].items():
        if value == -1:
            assert results.get(f'vis/{key}', 'nan') == 'nan'
        elif f'vis/{key}' in results:
            # scores are float32 here
            assert float(results[f'vis/{key}']) == pytest.approx(value, 1e-6)
    assert {'vis/AP', 'vis/AR100', 'vis/AP_class_5'} <= set(results)


def test_scores_of_a_submission(case, evaluate):
    lines = evaluate(case['pred']).splitlines()
    results = dict(line.split(': ') for line in lines if line[:4] == 'vis/')
    for key in ('AP', 'AP50', 'AP75', 'AR1', 'AR10'):
        assert float(results[f'vis/{key}']) == pytest.approx(
            case['expected']['stats'][key], abs=1e-9)


def test_missing_videos(case, evaluate, capsys):
    records = records_of(case)
    lost = case['gt']['videos'][1]['id']
    with pytest.raises(SystemExit):
        evaluate(records[:1] + records[2:])
    assert f'not processed: [{lost}]' in capsys.readouterr().err
    found = evaluate(records[:1] + records[2:], '--allow-missing')
    for frame in records[1]['frames']:
        for key in ('instances_id', 'labels', 'scores', 'bboxes'):
            frame[key] = frame[key][:0]
        frame['masks'] = []
    assert found == evaluate(records) != evaluate(records_of(case))


def change_video(records):
    records[2]['video_id'] = 77


def change_frame(records):
    records[0]['frames'][1]['frame_id'] = 50


def drop_frames(records):
    del records[1]['frames']


@pytest.mark.parametrize('change, message', [
    (change_video, 'video 77 is not among the 4 videos'),
    (change_frame, 'frame 50 of video 1, which has 5 frames'),
    (drop_frames, "record 1 has keys ['video_id', 'video_name']"),
])
def test_results_of_other_data_end_in_one_line(case, evaluate, capsys, change,
                                               message):
    records = records_of(case)
    change(records)
    with pytest.raises(SystemExit):
        evaluate(records)
    error = capsys.readouterr().err.strip()
    assert message in error and 'out.pkl' in error and '\n' not in error


def test_missing_file(monkeypatch, capsys, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text('')
    monkeypatch.setattr(sys, 'argv', [str(SCRIPT), str(config), 'none.pkl'])
    with pytest.raises(SystemExit):
        runpy.run_path(str(SCRIPT), run_name='__main__')
    assert 'none.pkl: no such file' in capsys.readouterr().err
