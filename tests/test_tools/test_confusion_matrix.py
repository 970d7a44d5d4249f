import gzip
import json
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch

from mmvis_plugin.structures.rle_tracks import as_rle

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / 'tools/analysis_tools/confusion_matrix.py'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
test_dataloader = dict(dataset=dict(
    type='YouTubeVIS', ann_file='{ann_file}', check_files='none',
    test_mode=True, pipeline=[]))
"""


@pytest.fixture()
def case():
    path = ROOT / 'tests/data/metrics/ytvis_ap_a.json.gz'
    with gzip.open(path, 'rt') as file:
        return json.load(file)


@pytest.fixture()
def run(case, tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool and reads what it writes."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))

    def call(results, *options):
        ann_file, config = tmp_path / 'gt.json', tmp_path / 'config.py'
        ann_file.write_text(json.dumps(case['gt']))
        config.write_text(CONFIG.format(ann_file=ann_file))
        path = tmp_path / 'results.json'
        if results and 'frames' in results[0]:
            path = tmp_path / 'results.pkl'
            path.write_bytes(pickle.dumps(results))
        else:
            path.write_text(json.dumps(results))
        monkeypatch.setattr(sys, 'argv', [
            str(SCRIPT),
            str(config),
            str(path),
            str(tmp_path / 'out'), *options
        ])
        runpy.run_path(str(SCRIPT), run_name='__main__')
        picture = (tmp_path / 'out/confusion_matrix.png').read_bytes()
        assert picture[:4] == b'\x89PNG'
        written = json.loads(
            (tmp_path / 'out/confusion_matrix.json').read_text())
        return written, capsys.readouterr().out

    return call


def pixels(track, video):
    """Return a tube as a dense array ``(T, H, W)``."""
    size = video['height'], video['width']
    return np.stack([
        mask_utils.decode(as_rle(mask, *size)) if mask else np.zeros(size)
        for mask in track['segmentations']
    ]) > 0


def expected_matrix(case, iou_thr, score_thr):
    """Count from dense masks, one pair at a time."""
    num = len(case['gt']['categories'])
    matrix = np.zeros((num + 1, num + 1), int)
    for video in case['gt']['videos']:
        tracks = [
            a for a in case['gt']['annotations']
            if a['video_id'] == video['id']
        ]
        results = [
            p for p in case['pred']
            if p['video_id'] == video['id'] and p['score'] >= score_thr
        ]
        free = [not track['iscrowd'] for track in tracks]
        for result in sorted(results, key=lambda item: -item['score']):
            column = result['category_id'] - 1
            best, crowd = (0, None), False
            for index, track in enumerate(tracks):
                a, b = pixels(result, video), pixels(track, video)
                iou = (a & b).sum() / max((a | b).sum(), 1)
                crowd |= bool(track['iscrowd']) and iou >= iou_thr
                if free[index] and iou >= iou_thr and iou > best[0]:
                    best = iou, index
            if best[1] is not None:
                free[best[1]] = False
                row = tracks[best[1]]['category_id'] - 1
                matrix[row, column] += 1
            elif not crowd:
                matrix[num, column] += 1
        for track, is_free in zip(tracks, free):
            matrix[track['category_id'] - 1, num] += is_free
    return matrix


def test_matrix_of_a_submission(case, run):
    for thr, score in ((0.5, 0.3), (0.2, 0.)):
        expected = expected_matrix(case, thr, score)
        written, out = run(case['pred'], '--tp-iou-thr', str(thr),
                           '--score-thr', str(score))
        assert written['matrix'] == expected.tolist()
        assert expected[:-1, :-1].sum() > 0 and expected[-1].sum() > 0
    names = [item['name'] for item in case['gt']['categories']]
    assert written['rows'] == [*names, 'background']
    assert written['columns'] == [*names, 'missed']
    assert written['score_thr'] == 0 and written['iou_thr'] == 0.2
    assert f'{expected[:-1].sum()} tracks: ' in out


def test_copies_are_left_out_if_wanted(case, run):
    copies = [dict(item, score=item['score'] / 2) for item in case['pred']]
    doubled, _ = run(case['pred'] + copies, '--score-thr', '0.15')
    clean, _ = run(case['pred'] + copies, '--nms-iou-thr', '0.9',
                   '--score-thr', '0.15')
    assert np.sum(clean['matrix'][-1]) < np.sum(doubled['matrix'][-1])
    assert np.trace(clean['matrix']) == np.trace(doubled['matrix'])


def as_boxes(case):
    """Return all annotated boxes as results of frames without masks."""
    records = []
    for video in case['gt']['videos']:
        tracks = [
            a for a in case['gt']['annotations']
            if a['video_id'] == video['id'] and not a['iscrowd']
        ]
        frames = []
        for frame_id in range(video['length']):
            boxes, ids = [], []
            for index, track in enumerate(tracks):
                mask = track['segmentations'][frame_id]
                if mask:
                    x, y, w, h = mask_utils.toBbox(
                        as_rle(mask, video['height'], video['width']))
                    boxes.append([x, y, x + w, y + h])
                    ids.append(index)
            frames.append(
                dict(
                    frame_id=frame_id,
                    ori_shape=(video['height'], video['width']),
                    instances_id=torch.tensor(ids).long(),
                    labels=torch.tensor(
                        [tracks[i]['category_id'] - 1 for i in ids]).long(),
                    scores=torch.ones(len(ids)),
                    bboxes=torch.tensor(boxes).reshape(-1, 4)))
        records.append(
            dict(video_id=video['id'], video_name='clip', frames=frames))
    return records


def test_results_without_masks_are_compared_by_boxes(case, run):
    for track in case['gt']['annotations']:
        track['bboxes'] = [
            mask and mask_utils.toBbox(as_rle(mask, 64, 96)).tolist()
            for mask in track['segmentations']
        ]
    written, out = run(as_boxes(case))
    matrix = np.array(written['matrix'])
    counted = sum(not a['iscrowd'] for a in case['gt']['annotations'])
    assert np.trace(matrix) == matrix.sum() == counted
    assert f'{counted} tracks: {counted} found, 0 taken for' in out


def test_errors_are_one_line(case, run, capsys):
    with pytest.raises(SystemExit):
        run(case['pred'], '--color-theme', 'mud')
    assert '--color-theme mud is unknown' in capsys.readouterr().err
    maps = [
        dict(
            video_id=case['gt']['videos'][0]['id'],
            frames=[dict(frame_id=0, ori_shape=(64, 96))])
    ]
    with pytest.raises(SystemExit):
        run(maps)
    error = capsys.readouterr().err.strip()
    assert 'panoptic maps, expected tracks' in error and '\n' not in error
