import zipfile

import numpy as np
import pytest
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.evaluation.metrics.mots_submission_reader import \
    read_mots_submission
from mmvis_plugin.structures import encode_bitmask
from mmvis_plugin.utils.errors import AnnotationError
from ..mots_cases import build_metric, feed, mots_maps, mots_videos


class Dataset(list):
    """Videos of a golden case as a data set knows them."""

    metainfo = dict(label2cat=tuple(range(1, 9)))

    def __init__(self, videos):
        super().__init__(
            dict(
                video_id=frames[0].video_id,
                video_name=frames[0].video_name,
                images=[
                    dict(
                        frame_id=f.frame_id,
                        src_frame=f.src_frame,
                        img_path='x.jpg',
                        height=f.ori_shape[0],
                        width=f.ori_shape[1]) for f in frames
                ]) for frames in videos)

    get_data_info = list.__getitem__


@pytest.fixture(scope='module')
def videos():
    return mots_videos(*mots_maps('b')[:2])


def write(videos, to_samples, prefix, **kwargs):
    metric = build_metric(videos, outfile_prefix=str(prefix), **kwargs)
    feed(metric, to_samples(videos)).evaluate(len(videos))
    return f'{prefix}.submission_file.zip'


def to_frame(frame, record):
    """Join what was read with the annotations of a frame."""
    sample = DetDataSample(metainfo=dict(frame.metainfo))
    skip = {'img_path', *frame.metainfo}
    fields = {k: v for k, v in record.items() if k not in skip}
    sample.pred_track_instances = InstanceData(**fields)
    return sample


@pytest.mark.parametrize('form', ['bitmask', 'rle'])
@pytest.mark.parametrize('unpacked', [False, True])
def test_what_was_written_is_read(videos, to_samples, tmp_path, form,
                                  unpacked):
    path = write(videos, to_samples, tmp_path / 'out', submission_form=form)
    if unpacked:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / 'tree')
        path = str(tmp_path / 'tree')
    records = list(read_mots_submission(path, Dataset(videos)))
    assert [r['video_id'] for r in records] == [0, 1, 2, 3]
    read = [[to_frame(*pair) for pair in zip(frames, record['frames'])]
            for frames, record in zip(videos, records)]
    for before, after in zip(sum(videos, []), sum(read, [])):
        a, b = before.pred_track_instances, after.pred_track_instances
        assert [m['counts']
                for m in b.masks] == [m['counts'].decode() for m in a.masks]
        assert (a.bboxes == b.bboxes).all()
    expected = build_metric(videos, track_label='majority')
    expected = feed(expected, to_samples(videos)).evaluate(4)
    assert feed(build_metric(videos), to_samples(read)).evaluate(4) == expected


@pytest.mark.parametrize('form', ['bitmask', 'rle'])
def test_a_video_without_results(videos, to_samples, tmp_path, form):
    empty = [[to_frame(f, dict()) for f in frames] for frames in videos]
    for before, after in zip(sum(videos, []), sum(empty, [])):
        after.pred_track_instances = before.pred_track_instances[:0]
    path = write(empty, to_samples, tmp_path / 'out', submission_form=form)
    for record in read_mots_submission(path, Dataset(videos)):
        for frame in record['frames']:
            assert len(frame['masks']) == len(frame['scores']) == 0
            assert frame['bboxes'].shape == (0, 4)


def edit_zip(path, change):
    with zipfile.ZipFile(path) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def lose_frame(files):
    del files['clip-1/clip-1-0000002.png']


def add_frame(files):
    files['clip-1/clip-1-0000099.png'] = files['clip-1/clip-1-0000002.png']


def add_video(files):
    files['other/other-0000001.png'] = files['clip-1/clip-1-0000002.png']


def wrong_size(files):
    blank = encode_bitmask(np.zeros((5, 6, 4), dtype=np.uint8))
    files.update({n: blank for n in files if n.startswith('clip-1')})


def broken_picture(files):
    name = 'clip-1/clip-1-0000002.png'
    files[name] = files[name][:-20]


@pytest.mark.parametrize('change, message', [
    (lose_frame, r'video clip-1 lacks frames \[2\], expected the'),
    (add_frame, r'video clip-1 has unknown frames \[99\], expected the'),
    (add_video, 'video other is not among the 4 videos of the test data'),
    (wrong_size, r'clip-1/clip-1-0000001.jpg has the size \(5, 6\), expected'),
    (broken_picture, r'clip-1-0000002.png: cannot be read as a PNG'),
])
def test_other_content(videos, to_samples, tmp_path, change, message):
    path = write(videos, to_samples, tmp_path / 'out')
    edit_zip(path, change)
    with pytest.raises(AnnotationError, match=message) as error:
        list(read_mots_submission(path, Dataset(videos)))
    # as the user called it, not where it was unpacked
    assert str(error.value).startswith(path)
    assert '\n' not in str(error.value)


def test_other_files(videos, tmp_path):
    with pytest.raises(FileNotFoundError, match='none.zip: no such file'):
        list(read_mots_submission(str(tmp_path / 'none.zip'), []))
    (tmp_path / 'out.zip').write_text('text')
    with pytest.raises(AnnotationError, match='out.zip: not a zip file'):
        list(read_mots_submission(str(tmp_path / 'out.zip'), Dataset(videos)))
