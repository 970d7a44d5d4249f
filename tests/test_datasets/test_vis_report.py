from itertools import islice

import pytest
from PIL import Image

from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.datasets.vis_report import check_vis_json
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import assert_clean, single_mutations


def coco_instances(vis):
    data = vis.coco_video()
    for image in data['images']:
        del image['video_id'], image['frame_id']
    del data['videos']
    return data


FORMS = {
    'YouTube-VIS': lambda vis: vis.data,
    'COCO-video': lambda vis: vis.coco_video(),
    'COCO instances': coco_instances
}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('decode', [False, True])
def test_sound_files(vis, form, decode):
    path = vis.write(data=FORMS[form](vis))
    report = check_vis_json(
        path, str(vis.root / 'JPEGImages'), decode=decode, workers=2)
    assert report.defects == [] and report.annotated
    assert report.form == form
    stills = form == 'COCO instances'
    assert report.counts == dict(
        videos=8 if stills else 2,
        frames=8,
        tracks=14 if stills else 4,
        objects=14,
        categories=2)


def test_a_test_file(vis):
    del vis.data['annotations']
    report = check_vis_json(vis.write())
    assert not report.annotated and report.defects == []
    assert report.counts['frames'] == 8 and report.counts['tracks'] == 0


def test_all_defects_of_all_kinds(vis):
    vis.data['annotations'][0]['segmentations'][2] = 'x'
    vis.data['annotations'][1]['bboxes'][0] = [1]
    vis.data['annotations'][3]['category_id'] = 4
    vis.data['videos'].append(
        dict(id=7, height=40, width=60, file_names=[], name='none'))
    folder = vis.root / 'JPEGImages'
    (folder / 'clip1/00005.png').unlink()
    Image.new('RGB', (61, 40)).save(folder / 'clip2/00000.png')
    sound = (folder / 'clip2/00005.png').read_bytes()
    (folder / 'clip2/00005.png').write_bytes(sound[:-30])  # header is there
    (folder / 'clip2/00010.png').write_bytes(b'')
    path = vis.write()
    found = check_vis_json(path, str(folder)).defects
    expected = [
        f'{path}: annotation 1, frame 2: segmentation is a str',
        f'{path}: annotation 2, frame 0: bbox is [1], expected four',
        f'{path}: unknown category 4 in annotations[3] (id 4)',
        f'{folder}/clip1/00005.png (video clip1, frame 1); check',
        f'{path}: video none (id 7) has zero frames, expected',
        f'{folder}/clip2/00000.png (video clip2, frame 0): image size (40, ',
        f'{folder}/clip2/00010.png: cannot be read as an image'
    ]
    assert [f[:len(e)] for f, e in zip(found, expected)] == expected
    assert len(found) == len(expected)
    found = check_vis_json(path, str(folder), decode=True, workers=2).defects
    expected[6:] = [
        f'{folder}/clip2/00005.png (video clip2, frame 1): cannot be decoded',
        f'{folder}/clip2/00010.png (video clip2, frame 2): cannot be decoded'
    ]
    assert [f[:len(e)] for f, e in zip(found, expected)] == expected
    assert len(found) == len(expected)


def test_classes_of_a_benchmark(vis):
    vis.data['categories'][0]['name'] = 'Person'
    report = check_vis_json(vis.write(), class_table='ovis')
    # the square is away in one of the frames of both videos
    assert len(report.defects) == 6
    assert 'unknown category 5 of instance 2' in report.defects[0]
    vis.data['categories'][1]['name'] = 'vehicle'
    report = check_vis_json(vis.write(), class_table='ovis')
    assert report.defects == [] and report.counts['categories'] == 25


@pytest.mark.parametrize('text', ['', '{', '[]', '{}', '{"images": 3}'])
def test_files_that_cannot_be_read_at_all(vis, text):
    path = vis.root / 'a.json'
    path.write_text(text)
    assert len(check_vis_json(str(path)).defects) == 1
    assert 'not found' in check_vis_json(str(path) + 'x').defects[0]


@pytest.mark.parametrize('form', ['YouTube-VIS', 'COCO-video'])
def test_checker_and_loader_agree(vis, form):
    """What the loader refuses is a defect, first of all the same one."""
    path = str(vis.root / 'train.json')
    found = set()
    for mutation in islice(
            single_mutations(FORMS[form](vis), 300), 0, None, 3):
        (vis.root / 'train.json').write_text(mutation.text)
        _, error = assert_clean(lambda: YouTubeVIS(
            ann_file=path,
            data_prefix=dict(img_path=str(vis.root / 'JPEGImages')),
            check_files='all',
            test_mode=True,
            serialize_data=False))
        report = check_vis_json(path, str(vis.root / 'JPEGImages'))
        assert bool(report.defects) == (error is not None), str(mutation)
        if error is not None:
            assert report.defects[0] == str(error), str(mutation)
        found.add(error is None)
        assert all('\n' not in defect for defect in report.defects)
    assert found == {True, False}


def test_the_report_is_no_way_around_the_error(vis):
    vis.data['annotations'][0]['id'] = None
    with pytest.raises(AnnotationError):
        vis.build()
