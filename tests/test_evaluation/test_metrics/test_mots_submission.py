import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from mmvis_plugin.evaluation.metrics import mots_submission
from mmvis_plugin.evaluation.metrics.mots_submission import (MOTSSubmission,
                                                             ResultFrame)
from mmvis_plugin.structures import encode_index_map
from ..mots_cases import build_metric, draw, feed, mots_maps, mots_videos

CAR, BUS = 2, 4


def write(videos, samples, prefix, **kwargs):
    """Return the files of the submission, by name."""
    metric = build_metric(videos, outfile_prefix=str(prefix), **kwargs)
    results = feed(metric, samples).evaluate(len(videos))
    with zipfile.ZipFile(f'{prefix}.submission_file.zip') as archive:
        assert archive.testzip() is None
        files = {n: archive.read(n) for n in archive.namelist()}
    return files, results


def picture(content):
    """Decode a PNG by another way than the writer's."""
    return np.asarray(Image.open(io.BytesIO(content)))


def test_pictures_of_the_benchmark(tmp_path, to_samples):
    frames = [[(70000, 0, 10, CAR, 0), (300, 10, 20, BUS, 0)], [],
              [(70000, 5, 15, BUS, 0)], [(70000, 5, 15, BUS, 0)]]
    pred = [[(i % 65536, *rest) for i, *rest in frame] for frame in frames]
    videos = mots_videos([draw(*pred)], [draw(*pred)])
    for frame in videos[0]:
        ids = frame.pred_track_instances.instances_id
        ids[ids == 70000 % 65536] = 70000
        frame.set_metainfo(dict(src_frame=5 * frame.frame_id + 1))
    files, results = write(videos, to_samples(videos, 1), tmp_path / 'out')
    assert list(files) == [
        f'clip-0/clip-0-{n:07d}.png' for n in (1, 6, 11, 16)
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / 'out.submission_file.zip']
    pixels = [picture(content) for content in files.values()]
    assert all(p.shape == (4, 40, 4) and p.dtype == np.uint8 for p in pixels)
    # ids are numbered from 1; the class of the track is that of most frames
    assert pixels[0][0, 0].tolist() == [BUS + 1, 0, 0, 2]
    assert pixels[0][0, 10].tolist() == [BUS + 1, 0, 0, 1]
    assert pixels[0][:, 20:].max() == 0 and pixels[1].max() == 0
    assert pixels[2][3, 14].tolist() == [BUS + 1, 0, 0, 2]
    assert results['mots/mMOTSA'] > 0


def test_many_tracks_use_the_high_byte(tmp_path):
    masks = np.zeros((2, 300), dtype=int)
    masks[0] = np.arange(1, 301)
    ids, rles = encode_index_map(masks)
    submission = MOTSSubmission(str(tmp_path / 'out'))
    frames = [
        ResultFrame(t, ids[part].tolist(), rles[part])
        for t, part in enumerate((slice(0, 100), slice(200, 300)), 1)
    ]
    part = submission.add('v', (2, 300), frames, dict.fromkeys(ids, CAR))
    with zipfile.ZipFile(part) as archive:
        last = picture(archive.read('v/v-0000002.png'))
    assert last[0, 299].tolist() == [CAR + 1, 0, 0, 200]
    assert last[0, 200:].any(-1).all() and not last[0, :200].any()
    frames = [
        ResultFrame(1, list(range(k, k + 5)), rles[:5])
        for k in range(0, 65540, 5)
    ]
    with pytest.raises(ValueError, match='video v: 65540 tracks, expected at'):
        submission.add('v', (2, 300), frames, {})
    submission.discard()
    assert not list(tmp_path.iterdir())


def test_json_files(tmp_path, to_samples):
    frames = [[(9, 0, 10, CAR, 0)], []]
    videos = mots_videos([draw(*frames)], [draw(*frames)])
    files, _ = write(
        videos,
        to_samples(videos),
        tmp_path / 'out',
        submission_form='rle',
        format_only=True)
    assert list(files) == ['clip-0.json']
    first, second = json.loads(files['clip-0.json'])
    label = first['labels'][0]
    assert (label['id'], label['category']) == ('1', 'car')
    assert label['rle']['size'] == [4, 40]
    assert second == dict(
        videoName='clip-0', name='clip-0-0000002.jpg', frameIndex=1, labels=[])


def test_at_most_a_hundred_masks_by_score(tmp_path, to_samples):
    gt = np.zeros((1, 4, 241, 4), dtype=np.uint8)
    gt[:, :, 1:] = np.stack([
        np.full(240, 3),
        np.zeros(240),
        np.zeros(240),
        np.repeat(1 + np.arange(120), 2)
    ], -1)
    videos = mots_videos([gt], [gt])
    scores = torch.from_numpy(np.random.default_rng(0).permutation(120))
    videos[0][0].pred_track_instances.scores = scores.float()
    with pytest.warns(UserWarning, match='120 predictions'):
        files, results = write(videos, to_samples(videos), tmp_path / 'out')
    assert results['mots/FN'] == 0  # all are scored
    shown = picture(files['clip-0/clip-0-0000001.png'])[0, 1::2, 0] > 0
    assert shown.tolist() == (scores >= 20).tolist()


def test_nothing_is_scored_without_annotations(tmp_path, to_samples):
    videos = mots_videos(*mots_maps('a')[:2])
    for frame in sum(videos, []):
        frame.set_metainfo(dict(has_ann=False, instances=[]))
    files, results = write(videos, to_samples(videos, 4), tmp_path / 'out')
    assert results == {} and len(files) == sum(map(len, videos))
    with pytest.raises(
            ValueError, match='no frame is annotated.*outfile_prefix'):
        feed(build_metric(videos), to_samples(videos))


def test_equal_results_give_equal_files(tmp_path, to_samples):
    videos = mots_videos(*mots_maps('a')[:2])
    for name, order in (('a', 1), ('b', -1)):
        write(videos, to_samples(videos)[::order], tmp_path / name)
    texts = [(tmp_path / f'{n}.submission_file.zip').read_bytes()
             for n in 'ab']
    assert texts[0] == texts[1]


def test_parts_of_several_ranks(tmp_path, to_samples, monkeypatch):
    videos = mots_videos(*mots_maps('a')[:2])
    whole, expected = write(videos, to_samples(videos), tmp_path / 'a')
    parts = []
    for rank in range(2):
        monkeypatch.setattr(mots_submission, 'get_rank', lambda: rank)
        parts.append(build_metric(videos, outfile_prefix=str(tmp_path / 'b')))
        feed(parts[-1], to_samples(videos[rank::2]))
    records = parts[1].results + parts[0].results
    results = parts[0].compute_metrics(records)
    assert {f'mots/{k}': v for k, v in results.items()} == expected
    with zipfile.ZipFile(tmp_path / 'b.submission_file.zip') as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == whole


def test_a_failed_write_keeps_the_old_file(tmp_path):
    submission = MOTSSubmission(str(tmp_path / 'out'))
    submission.write_zip([])
    old = (tmp_path / 'out.submission_file.zip').read_bytes()
    with pytest.raises(FileNotFoundError):
        submission.write_zip([str(tmp_path / 'none.zip')])
    assert (tmp_path / 'out.submission_file.zip').read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ['out.submission_file.zip']


def test_frames_need_their_number(tmp_path, to_samples):
    videos = mots_videos(*(m[:1] for m in mots_maps('a')[:2]))
    sample = to_samples(videos)[0].to_dict()
    del sample['video_data_samples'][0].src_frame
    metric = build_metric(videos, outfile_prefix=str(tmp_path / 'out'))
    with pytest.raises(ValueError, match="metainfo 'src_frame' is missing"):
        metric.process(None, [sample])
