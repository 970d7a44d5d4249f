import io
import json
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmvis_plugin.evaluation import STQMetric, VPQMetric
from mmvis_plugin.evaluation.metrics.panoptic_submission import \
    PanopticSubmission
from mmvis_plugin.structures import decode_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..submission_cases import CASES, build, evaluate, form_of, named_frames


def files_of(path):
    """Return all files of a submission, those of the inner zip too."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    if 'pan_pred.zip' in files:
        inner = zipfile.ZipFile(io.BytesIO(files.pop('pan_pred.zip')))
        assert inner.testzip() is None
        files.update(
            {f'pan_pred/{n}': inner.read(n)
             for n in inner.namelist()})
    return files


def write(name, videos, metainfo, to_samples, folder, window=None, **kwargs):
    """Return the path of the submission of a case."""
    prefix = folder / 'out'
    metric = build(
        name,
        metainfo,
        outfile_prefix=str(prefix),
        submission=form_of(name),
        **kwargs)
    results = evaluate(metric, to_samples(videos, window))
    path = folder / 'out.submission_file.zip'
    assert path.exists()
    assert sorted(p.name for p in folder.iterdir()
                  if p.suffix != '.png') == [path.name]
    return path, results


def frame_records(name, data):
    """Return the frames of ``pred.json`` with the folder of their picture."""
    if form_of(name) == 'cityscapes_vps':
        return [('pan_pred/', frame) for frame in data['annotations']]
    return [(f'pan_pred/{video["video_id"]}/', frame)
            for video in data['annotations'] for frame in video['annotations']]


@pytest.mark.parametrize('name', CASES)
def test_content(name, tmp_path, to_samples):
    """Maps, lists, names and ids, pixel by pixel."""
    videos, metainfo = named_frames(name, tmp_path)
    path, _ = write(name, videos, metainfo, to_samples, tmp_path)
    files = files_of(path)
    records = frame_records(name, json.loads(files.pop('pred.json')))
    frames = [frame for video in videos for frame in video]
    assert len(records) == len(files) == len(frames)
    label2cat, id_of, numbers = metainfo['label2cat'], {}, {}
    for (folder, record), frame in zip(records, frames):
        assert record['image_id'] == frame.src_img_id
        assert record['file_name'] == f'{frame.src_img_id}.png'
        if 'vipseg' in name:
            assert folder == f'pan_pred/{frame.video_name}/'
        ids = decode_panoptic_map(files[folder + record['file_name']], '')
        pred = frame.pred_panoptic_seg.sem_seg[0].numpy()
        listed = {s['id']: s for s in record['segments_info']}
        assert set(listed) == set(np.unique(ids).tolist()) - {0}
        for value in np.unique(pred).tolist():
            inside = pred == value
            (found, ) = np.unique(ids[inside]).tolist()
            label, key = value % 1000, (frame.video_id, value)
            if label == len(label2cat) or label == 255:
                assert found == 0
                continue
            assert id_of.setdefault(key, found) == found
            segment, (rows, cols) = listed[found], np.nonzero(inside)
            x, y = cols.min(), rows.min()
            assert segment == dict(
                id=found,
                category_id=label2cat[label],
                iscrowd=0,
                area=inside.sum(),
                bbox=[x, y, cols.max() - x + 1,
                      rows.max() - y + 1])
            category = label2cat[label] + 1
            numbers.setdefault((frame.video_id, category), []).append(found)
            if metainfo['classes'][label] in metainfo['thing_classes']:
                assert found // 1000 == category
            else:
                assert found == category or found > 2**20
    # one id per segment, numbered as they appear
    assert len({(v, i) for (v, _), i in id_of.items()}) == len(id_of)
    for found in numbers.values():
        things = [i % 1000 for i in dict.fromkeys(found) if i < 2**20]
        if found[0] > 1000:
            assert things == list(range(1, len(things) + 1))


@pytest.mark.parametrize('name', CASES)
def test_same_file_in_every_mode(name, tmp_path, to_samples):
    videos, metainfo = named_frames(name, tmp_path)
    path, expected = write(name, videos, metainfo, to_samples, tmp_path)
    content = path.read_bytes()
    for window in (1, 2):
        path, results = write(name, videos, metainfo, to_samples, tmp_path,
                              window)
        assert path.read_bytes() == content
        assert results == expected
    # the score is that without a file
    assert evaluate(build(name, metainfo), to_samples(videos)) == expected
    # interleaved frames, videos backwards
    frames = sorted((frame for video in videos for frame in video),
                    key=lambda frame: (frame.frame_id, -frame.video_id))
    path, results = write(
        name, [[frame] for frame in frames],
        metainfo,
        to_samples,
        tmp_path,
        format_only=True)
    assert results == {} and path.read_bytes() == content
    metric = build(
        name,
        metainfo,
        STQMetric,
        outfile_prefix=str(tmp_path / 'stq'),
        submission=form_of(name))
    assert 'stq/STQ' in evaluate(metric, to_samples(videos))
    assert (tmp_path / 'stq.submission_file.zip').read_bytes() == content


@pytest.mark.parametrize('world_size', [2, 3])
def test_simulated_ranks(tmp_path, to_samples, world_size):
    """A video that came twice is written once; the order is that of ids."""
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    path, _ = write(name, videos, metainfo, to_samples, tmp_path)
    content = path.read_bytes()
    options = dict(
        outfile_prefix=str(tmp_path / 'out'), submission=form_of(name))
    metrics = [build(name, metainfo, **options) for _ in range(world_size)]
    gathered = []
    for rank in reversed(range(world_size)):
        for sample in to_samples(videos[rank::world_size] + videos[:rank]):
            metrics[rank].process(None, [sample.to_dict()])
        gathered += pickle.loads(pickle.dumps(metrics[rank].results))
    metrics[0].compute_metrics(gathered)
    assert path.read_bytes() == content


def test_frames_without_annotation(tmp_path, to_samples):
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    kept = [t for t in range(6) if t in (2, 4)]
    for frames in videos:
        for t, frame in enumerate(frames):
            frame.set_metainfo(dict(has_ann=t in kept))
    path, results = write(
        name, videos, metainfo, to_samples, tmp_path, window=1)
    assert 'vpq/VPQ' in results
    records = json.loads(files_of(path)['pred.json'])['annotations']
    assert [r['image_id'] for r in records
            ] == [video[t].src_img_id for video in videos for t in kept]
    # numbers do not count the frames that are left out
    for record in records[::2]:
        things = [s['id'] for s in record['segments_info'] if s['id'] < 2**20]
        first = [i % 1000 for i in things if i > 1000]
        assert not first or min(first) == 1


def test_a_data_set_without_annotations(tmp_path, to_samples):
    """Of a test split only the listed frames are submitted."""
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    for frames in videos:
        for t, frame in enumerate(frames):
            frame.set_metainfo(dict(has_ann=False, seg_map_path=None))
            if t % 2:
                frame.set_metainfo(dict(src_img_id=10000 + t))
    path, results = write(name, videos, metainfo, to_samples, tmp_path)
    assert results == {}
    records = json.loads(files_of(path)['pred.json'])['annotations']
    assert [r['image_id'] for r in records
            ] == [f.src_img_id for video in videos for f in video[::2]]


def test_names_without_the_list_of_images(tmp_path, to_samples):
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    expected = [f.src_img_id for video in videos for f in video]
    for video in videos:
        for frame in video:
            path = frame.img_path.replace('leftImg8bit', 'final_mask')
            source = tmp_path / f'{frame.video_id}_{frame.frame_id}.png'
            source.rename(tmp_path / os.path.basename(path))
            frame.set_metainfo(
                dict(
                    src_img_id=None,
                    seg_map_path=str(tmp_path / os.path.basename(path))))
    path, _ = write(name, videos, metainfo, to_samples, tmp_path)
    records = json.loads(files_of(path)['pred.json'])['annotations']
    assert [record['image_id'] for record in records] == expected
    frame = videos[0][0]
    frame.set_metainfo(dict(seg_map_path=None, img_path=None))
    with pytest.raises(ValueError, match="frame 0: metainfo 'src_img_id' is"):
        write(name, videos, metainfo, to_samples, tmp_path)


@pytest.mark.parametrize('options', [
    dict(format_only=True),
    dict(outfile_prefix='out'),
    dict(submission='vipseg'),
    dict(outfile_prefix='out', submission='coco'),
])
def test_options(options):
    with pytest.raises(ValueError, match='submission='):
        VPQMetric(**options)


def test_errors_leave_the_old_file_and_no_parts(tmp_path, to_samples):
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    path, _ = write(name, videos, metainfo, to_samples, tmp_path)
    content = path.read_bytes()
    metric = build(
        name,
        metainfo,
        outfile_prefix=str(tmp_path / 'out'),
        submission=form_of(name))
    metric.process(None, [to_samples(videos, 1)[0].to_dict()])
    with pytest.raises(ValueError, match='incomplete'):
        metric.evaluate(3)
    submission = PanopticSubmission(str(tmp_path / 'out'), 'cityscapes_vps')
    with pytest.raises(FileNotFoundError):
        submission.write_zip([str(tmp_path / 'nothing.zip')])
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()
            if p.suffix != '.png'] == [path.name]


def test_maps_are_checked_before_they_are_written(tmp_path):
    submission = PanopticSubmission(str(tmp_path / 'out'), 'vipseg')
    frame = dict(video_id=1, video_name='v', src_img_id='a')
    ids = np.array([[7, 7], [9, 0]])
    categories = [dict(id=3, isthing=1)]
    good = [dict(id=7, category_id=3), dict(id=9, category_id=3)]
    for segments, message in (
        (good[:1], r'v: ids \[9\] have pixels but are not'),
        (good + [dict(id=8, category_id=3)], r'v: ids \[8\] are in the list'),
        (good[:1] + [dict(id=9, category_id=5)], 'v: segment 9 of category 5'),
    ):
        with pytest.raises(AnnotationError, match=message):
            submission.add_frame(frame, ids, segments, categories, 'v')
    submission.discard()
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_video(tmp_path):
    name = CASES[0]
    videos, metainfo = named_frames(name, tmp_path)
    frame = videos[0][0]
    frame.set_metainfo(dict(ori_shape=(512, 512), has_ann=False))
    frame.pred_panoptic_seg = PixelData(
        sem_seg=torch.arange(512)[None, :, None].expand(1, 512, 512) // 64)
    peaks = []
    for length in (4, 24):
        metric = build(
            name,
            metainfo,
            format_only=True,
            outfile_prefix=str(tmp_path / 'out'),
            submission='vipseg')
        frame.set_metainfo(dict(ori_video_length=length))
        tracemalloc.start()
        for t in range(length):
            frame.set_metainfo(dict(frame_id=t, src_img_id=f'{t:08d}'))
            metric.process(None, [frame.to_dict()])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        metric._submission.discard()
    # a map takes 2 MB
    assert peaks[1] - peaks[0] < 3e5
