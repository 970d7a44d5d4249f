"""What the metric writes is read back as it was."""
import json
import zipfile

import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis
from mmvis_plugin.evaluation import VISMetric
from mmvis_plugin.evaluation.metrics.vis_submission_reader import \
    read_vis_submission
from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    """Return a data set of two videos, and results with errors."""
    root = str(tmp_path_factory.mktemp('vis') / 'shapes')
    cfg = get_cfg('micro')
    write_youtube_vis(root, cfg)
    dataset = DATASETS.build(
        dict(
            type='YouTubeVIS',
            data_root=root,
            ann_file='valid_with_gt.json',
            data_prefix=dict(img_path='valid/JPEGImages'),
            test_mode=True,
            pipeline=[]))
    results = []
    for index in range(2):
        video = generate_video(cfg, 'val', index, with_images=False)
        found = degrade(SynthPrediction.from_video(video), 'jitter', 2., index)
        info = dataset.get_data_info(index)
        results += found.to_youtube_vis(info['video_id'],
                                        dataset.metainfo['label2cat'])
    return dataset, results


def write(folder, results, name='results.json'):
    """Write a zip file and return its path."""
    path = str(folder / 'in.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(name, json.dumps(results))
    return path


def evaluate(dataset, path, **kwargs):
    metric = VISMetric(**kwargs)
    metric.dataset_meta = dataset.metainfo
    for index, record in enumerate(read_vis_submission(path, dataset)):
        images = dataset.get_data_info(index)['images']
        for image, frame in zip(images, record['frames']):
            pred = {k: v for k, v in frame.items() if k not in image}
            metric.process(None, [
                dict(
                    image,
                    ori_shape=frame['ori_shape'],
                    video_id=record['video_id'],
                    ori_video_length=len(images),
                    pred_track_instances=pred)
            ])
    return metric.evaluate(2)


@pytest.mark.parametrize('form', ['zip', 'json'])
def test_round_trip(dataset, tmp_path, form):
    dataset, results = dataset
    path = write(tmp_path, results)
    if form == 'json':
        path = str(tmp_path / 'in.json')
        (tmp_path / 'in.json').write_text(json.dumps(results))
    prefix = str(tmp_path / 'out')
    scores = evaluate(dataset, path, outfile_prefix=prefix)
    assert 0 < scores['vis/AP'] < 1
    again = f'{prefix}.submission_file.zip'
    with zipfile.ZipFile(again) as archive:
        written = json.loads(archive.read('results.json'))
    assert written == results
    assert str(evaluate(dataset, again)) == str(scores)


def test_videos_without_results(dataset, tmp_path):
    dataset, results = dataset
    first = [r for r in results if r['video_id'] == results[0]['video_id']]
    scores = evaluate(dataset, write(tmp_path, first))
    assert 0 < scores['vis/AR10'] < 1
    assert evaluate(dataset, write(tmp_path, []))['vis/AP'] == 0


@pytest.mark.parametrize('change, message', [
    (dict(video_id=77), r'results\[1\]: video 77 is not among the 2 videos'),
    (dict(category_id=9), r'results\[1\]: category 9, expected one of the 3'),
    (dict(segmentations=[None]), r'results\[1\]: 1 segmentations for 6 frame'),
    (dict(segmentations=[dict(size=[4, 4], counts='0')] * 6),
     r'results\[1\], frame 0: mask of size \[4, 4\], expected \[64, 96\]'),
])
def test_results_that_do_not_fit(dataset, tmp_path, change, message):
    dataset, results = dataset
    results = [dict(results[0]), dict(results[1], **change)]
    with pytest.raises(AnnotationError, match=message):
        list(read_vis_submission(write(tmp_path, results), dataset))
    for key in ('video_id', 'category_id', 'score', 'segmentations'):
        broken = [{k: v for k, v in results[0].items() if k != key}]
        with pytest.raises(AnnotationError, match=f'{key}. is missing'):
            list(read_vis_submission(write(tmp_path, broken), dataset))


def test_files_that_are_none(dataset, tmp_path):
    dataset, results = dataset
    with pytest.raises(FileNotFoundError, match='no.zip: no such file'):
        list(read_vis_submission(str(tmp_path / 'no.zip'), dataset))
    for path in (write(tmp_path, results,
                       'other.json'), str(tmp_path / 'text.json')):
        (tmp_path / 'text.json').write_text('{')
        with pytest.raises(AnnotationError, match='no readable results.json'):
            list(read_vis_submission(path, dataset))
    with pytest.raises(AnnotationError, match='expected a list of results'):
        list(read_vis_submission(write(tmp_path, dict(a=1)), dataset))
