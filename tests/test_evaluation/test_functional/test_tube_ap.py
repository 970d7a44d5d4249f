import copy
import json
import math
import runpy
import sys
from pathlib import Path

import pytest

from mmvis_plugin.evaluation.functional import video_instance_ap
from mmvis_plugin.utils.errors import AnnotationError

ROOT = Path(__file__).parents[3]


def assert_reference(results, expected):
    for key, value in expected.items():
        if value == -1:
            assert math.isnan(results[key]), key
        else:
            assert results[key] == pytest.approx(value, rel=0, abs=1e-9), key


def test_golden_cases(ap_case):
    before = json.dumps(ap_case)
    results = video_instance_ap(ap_case['gt'], ap_case['pred'], classwise=True)
    assert json.dumps(ap_case) == before
    assert_reference(results, ap_case['expected']['stats'])
    for category, expected in ap_case['expected']['per_category'].items():
        assert_reference(results['per_category'][int(category)], expected)


def as_runs(rle):
    """Decode compressed counts by the definition of the code."""
    runs, value, shift = [], 0, 0
    for char in rle['counts'].encode():
        char -= 48
        value |= (char & 31) << shift
        shift += 5
        if not char & 32:
            if char & 16:
                value |= -1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return dict(rle, counts=runs)


@pytest.mark.parametrize(
    'convert', [as_runs, lambda rle: dict(rle, counts=rle['counts'].encode())])
def test_every_form_of_counts(ap_case, convert):
    case = copy.deepcopy(ap_case)
    for item in case['gt']['annotations'] + case['pred']:
        item['segmentations'] = [
            convert(rle) if rle else None for rle in item['segmentations']
        ]
    before = copy.deepcopy(case)
    results = video_instance_ap(case['gt'], case['pred'])
    assert case == before
    assert_reference(results, case['expected']['stats'])


def test_order_of_videos_does_not_matter(ap_case):
    case = copy.deepcopy(ap_case)
    for items in (case['gt']['videos'], case['gt']['annotations'],
                  case['pred']):
        items.sort(key=lambda item: -item.get(
            'video_id', item['id'] if 'id' in item else 0))
    assert_reference(
        video_instance_ap(case['gt'], case['pred']), case['expected']['stats'])


def as_results(gt):
    return [
        dict(
            video_id=track['video_id'],
            category_id=track['category_id'],
            score=1.,
            segmentations=track['segmentations'])
        for track in gt['annotations'] if not track['iscrowd']
    ]


def test_perfect_empty_and_undefined(ap_case):
    gt = copy.deepcopy(ap_case['gt'])
    # id 0 counts like any other
    gt['annotations'][0]['id'] = 0
    perfect = video_instance_ap(gt, as_results(gt))
    for key in ('AP', 'AP50', 'AP75', 'AR100'):
        assert perfect[key] == pytest.approx(1)
    empty = video_instance_ap(gt, [])
    assert empty['AP'] == empty['AP50'] == empty['AR1'] == empty['AR100'] == 0
    for annotations in ([], None):
        gt['annotations'] = annotations
        results = video_instance_ap(gt, ap_case['pred'])
        assert all(math.isnan(value) for value in results.values())


def test_areas_default_to_pixel_counts(ap_case):
    gt = copy.deepcopy(ap_case['gt'])
    for track in gt['annotations']:
        del track['areas']
    assert_reference(
        video_instance_ap(gt, ap_case['pred']), ap_case['expected']['stats'])
    for track in gt['annotations']:
        track['areas'] = [1e6] * len(track['segmentations'])
    results = video_instance_ap(gt, ap_case['pred'])
    assert math.isnan(results['AP_s']) and not math.isnan(results['AP_l'])


@pytest.mark.parametrize('path, value, message', [
    (('pred', 3, 'video_id'), 77, 'prediction 3: video_id 77 is not among'),
    (('pred', 3, 'category_id'), 'cat', "prediction 3 .*category_id 'cat'"),
    (('pred', 0, 'segmentations'), [None],
     'prediction 0 .*1 segmentations for 5 frames'),
    (('pred', 0, 'score'), float('nan'), 'prediction 0: score nan'),
    (('pred', 0, 'segmentations', 1), dict(size=[64, 95], counts='0'),
     r'prediction 0 \(video 1\), frame 1: .*\[64, 95\], expected \[64, 96\]'),
    (('gt', 'annotations', 2, 'video_id'), 99, 'annotation 2: video_id 99'),
    (('gt', 'annotations', 2, 'category_id'), 99, 'category_id 99 is not'),
    (('gt', 'annotations', 2, 'segmentations'), [None] * 9,
     'annotation 2 .*9 segmentations for 5 frames'),
    (('gt', 'annotations', 0, 'areas'), [1], 'annotation 0 .*1 areas for 5'),
    (('gt', 'annotations', 0, 'segmentations', 0),
     dict(size=[64, 96], counts=[3, 4]), 'frame 0: run lengths add up to 7'),
])
def test_errors_name_the_record(metric_data, path, value, message):
    case = metric_data('ytvis_ap_a.json.gz')
    item = case
    for key in path[:-1]:
        item = item[key]
    item[path[-1]] = value
    with pytest.raises(AnnotationError, match=message) as err:
        video_instance_ap(case['gt'], case['pred'])
    assert '\n' not in str(err.value)


def test_missing_keys_are_named(metric_data):
    case = metric_data('ytvis_ap_a.json.gz')
    del case['pred'][1]['score']
    with pytest.raises(AnnotationError, match="prediction 1: key 'score'"):
        video_instance_ap(case['gt'], case['pred'])
    with pytest.raises(AnnotationError, match="gt: key 'videos'"):
        video_instance_ap(dict(categories=[]), [])
    with pytest.raises(AnnotationError, match='expected a list'):
        video_instance_ap(case['gt'], {})


def test_benchmark_beats_the_reference(monkeypatch, capsys):
    script = ROOT / 'tools/analysis_tools/benchmark_vis_metric.py'
    # far below the usual 4.9: this guards the order of magnitude
    monkeypatch.setattr(sys, 'argv',
                        [str(script), '--repeat', '3', '--min-ratio', '2.5'])
    runpy.run_path(str(script), run_name='__main__')
    assert 'scores equal to 1e-12: True' in capsys.readouterr().out
