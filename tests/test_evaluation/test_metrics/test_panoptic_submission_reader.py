import io
import json
import zipfile

import numpy as np
import pytest

from mmvis_plugin.evaluation import STQMetric, VPQMetric
from mmvis_plugin.evaluation.metrics.panoptic_submission_reader import \
    read_panoptic_submission
from mmvis_plugin.structures import encode_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..submission_cases import (CASES, CaseDataset, build, evaluate, form_of,
                                named_frames)


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture
def case(name, tmp_path, to_samples):
    """Return the videos, their data set, the submission and its scores."""
    videos, metainfo = named_frames(name, tmp_path)
    metric = build(
        name,
        metainfo,
        outfile_prefix=str(tmp_path / 'out'),
        submission=form_of(name))
    results = evaluate(metric, to_samples(videos))
    return (videos, CaseDataset(videos, metainfo),
            tmp_path / 'out.submission_file.zip', results)


def score(name, videos, dataset, path, metric=VPQMetric):
    """Return the results of what the reader yields."""
    built = build(name, dataset.metainfo, metric)
    for record in read_panoptic_submission(str(path), dataset):
        (frame, ) = record['frames']
        annotated = videos[record['video_id']][frame['frame_id']]
        built.process(None, [
            dict(
                annotated.metainfo.items(), **{
                    k: v
                    for k, v in frame.items() if k == 'pred_panoptic_seg'
                })
        ])
    return built.evaluate(len(dataset))


def unpack(path, folder):
    """Unpack a submission, the inner zip too."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    inner = folder / 'pan_pred.zip'
    if inner.exists():
        with zipfile.ZipFile(inner) as archive:
            archive.extractall(folder / 'pan_pred')
        inner.unlink()
    return folder


def test_scores_are_those_of_the_samples(name, case, to_samples):
    videos, dataset, path, expected = case
    found = score(name, videos, dataset, path)
    assert found == pytest.approx(expected, rel=0, abs=1e-9, nan_ok=True)
    expected = evaluate(
        build(name, dataset.metainfo, STQMetric), to_samples(videos))
    found = score(name, videos, dataset, path, STQMetric)
    assert found == pytest.approx(expected, rel=0, abs=1e-9)


def test_packed_in_other_ways(name, case, tmp_path):
    videos, dataset, path, expected = case
    folder = unpack(path, tmp_path / 'folder')
    assert score(name, videos, dataset, folder) == pytest.approx(
        expected, abs=1e-9, nan_ok=True)
    # the folder packed, not its content; pictures not in a zip of their own
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as archive:
        for file in sorted((folder / 'pan_pred').rglob('*.png')):
            archive.write(file, file.relative_to(folder))
    if form_of(name) == 'cityscapes_vps':
        with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
            archive.write(folder / 'pred.json', 'pred.json')
            archive.writestr('pan_pred.zip', content.getvalue())
        assert score(name, videos, dataset,
                     tmp_path / 'a.zip') == pytest.approx(
                         expected, abs=1e-9, nan_ok=True)


def test_without_names(tmp_path, to_samples):
    """The program of Cityscapes-VPS leaves names out of its list."""
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    prefix = str(tmp_path / 'out')
    metric = build(
        name, metainfo, outfile_prefix=prefix, submission='cityscapes_vps')
    expected = evaluate(metric, to_samples(videos))
    folder = unpack(f'{prefix}.submission_file.zip', tmp_path / 'folder')
    data = json.loads((folder / 'pred.json').read_text())
    data['annotations'] = [
        dict(segments_info=item['segments_info'])
        for item in data['annotations']
    ]
    (folder / 'pred.json').write_text(json.dumps(data))
    dataset = CaseDataset(videos, metainfo)
    assert score(name, videos, dataset, folder) == pytest.approx(
        expected, abs=1e-9)
    del data['annotations'][0]
    (folder / 'pred.json').write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match='17 annotations without file_'):
        list(read_panoptic_submission(str(folder), dataset))


def test_frames_that_are_not_annotated_may_be_absent(tmp_path, to_samples):
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    for frames in videos:
        for t, frame in enumerate(frames):
            frame.set_metainfo(dict(has_ann=t % 2 == 0))
            if t % 2:
                frame.set_metainfo(dict(src_img_id=10000 + t))
    prefix = str(tmp_path / 'out')
    metric = build(
        name, metainfo, outfile_prefix=prefix, submission='cityscapes_vps')
    expected = evaluate(metric, to_samples(videos))
    dataset = CaseDataset(videos, metainfo)
    path = f'{prefix}.submission_file.zip'
    assert score(name, videos, dataset, path) == pytest.approx(
        expected, abs=1e-9, nan_ok=True)
    frames = [r['frames'][0] for r in read_panoptic_submission(path, dataset)]
    assert [('pred_panoptic_seg' in f) for f in frames] == [True, False] * 9


def edit_json(folder, change):
    path = folder / 'pred.json'
    data = json.loads(path.read_text())
    change(data['annotations'])
    path.write_text(json.dumps(data))


def first_frame(annotations):
    first = annotations[0]
    return first['annotations'][0] if 'annotations' in first else first


def drop_frame(annotations):
    frames = annotations[0].get('annotations', annotations)
    del frames[1]


def add_frame(annotations):
    frames = annotations[0].get('annotations', annotations)
    frames.append(dict(frames[0], file_name='other.png'))


def repeat_frame(annotations):
    frames = annotations[0].get('annotations', annotations)
    frames.append(frames[0])


def picture(folder):
    return sorted((folder / 'pan_pred').rglob('*.png'))[0]


def write_map(folder, ids):
    picture(folder).write_bytes(encode_panoptic_map(ids, ''))


@pytest.mark.parametrize('change, error, message', [
    (lambda f: edit_json(f, drop_frame), AnnotationError,
     'pred.json lacks .*, frame 1 of video name0, expected every annotated'),
    (lambda f: edit_json(f, add_frame), AnnotationError,
     r'pred.json has 1 frames that are not in the test data: .*other'),
    (lambda f: edit_json(f, repeat_frame), AnnotationError,
     r'pred.json: .*annotations\[\d+\] repeats frame'),
    (lambda f: edit_json(f, lambda a: first_frame(a).pop('segments_info')),
     AnnotationError, r'pred.json: .*segments_info is missing'),
    (lambda f: edit_json(
        f, lambda a: first_frame(a)['segments_info'][0].pop('category_id')),
     AnnotationError, r'segments_info\[0\].category_id is missing'),
    (lambda f: edit_json(
        f, lambda a: first_frame(a)['segments_info'][0].update(category_id=500)
    ), AnnotationError, r'\.png: segment \d+ of category 500, expected'),
    (lambda f: edit_json(f, lambda a: first_frame(a)['segments_info'].pop()),
     AnnotationError, r'\.png: ids \[\d+\] have pixels but are not'),
    (lambda f: edit_json(
        f, lambda a: first_frame(a)['segments_info'][0].update(area=3)),
     AnnotationError, r'\.png: segment \d+ has \d+ pixels, but its area is'),
    (lambda f: (f / 'pred.json').write_text('{"annotations": ['),
     AnnotationError, 'pred.json: not valid JSON at line 1 column'),
    (lambda f: (f / 'pred.json').write_text('[]'), AnnotationError,
     'pred.json: top level is a list, expected a dict'),
    (lambda f: (f / 'pred.json').write_text('{}'), AnnotationError,
     'pred.json: key annotations is missing'),
    (lambda f:
     (f / 'pred.json').unlink(), FileNotFoundError, 'pred.json: no such file'),
    (lambda f: picture(f).unlink(), FileNotFoundError, r'\.png: no such file'),
    (lambda f: picture(f).write_bytes(b'x'), AnnotationError,
     r'\.png: cannot be read as an image'),
    (lambda f: write_map(f, np.ones((4, 4), int)), AnnotationError,
     r'\.png: map of size \(4, 4\), expected \(\d+, \d+\)'),
])
def test_broken_submissions_are_named(case, tmp_path, change, error, message):
    _, dataset, path, _ = case
    folder = unpack(path, tmp_path / 'folder')
    change(folder)
    with pytest.raises(error, match=message) as info:
        list(read_panoptic_submission(str(folder), dataset))
    assert '\n' not in str(info.value) and str(folder) in str(info.value)


def test_broken_zips(case, tmp_path):
    _, dataset, path, _ = case
    content = path.read_bytes()
    with pytest.raises(FileNotFoundError, match='none.zip: no such file'):
        list(read_panoptic_submission(str(tmp_path / 'none.zip'), dataset))
    for broken in (b'', b'zip', content[:len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(AnnotationError, match='not a zip file'):
            list(read_panoptic_submission(str(path), dataset))
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b'\x00' * 40 + content[middle + 40:])
    with pytest.raises((AnnotationError, FileNotFoundError), match='out.subm'):
        list(read_panoptic_submission(str(path), dataset))
