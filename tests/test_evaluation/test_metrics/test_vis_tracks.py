import json
import math
import zipfile

import pytest
import torch
from pycocotools import mask as mask_utils

from mmvis_plugin.evaluation import VISMetric
from mmvis_plugin.evaluation.metrics import OpenVideo
from mmvis_plugin.evaluation.metrics.vis_tracks import (FrameTracks,
                                                        ground_truth_tracks)
from mmvis_plugin.utils.errors import AnnotationError


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read('results.json'))


@pytest.fixture
def two_frames(metric_data, to_videos):
    """Return the frames of a video of a case, cut to two."""
    case = metric_data('ytvis_ap_a.json.gz')
    frames = to_videos(case)[0][:2]
    for frame in frames:
        frame.set_metainfo(dict(ori_video_length=2))
        pred = frame.pred_track_instances
        frame.pred_track_instances = pred[torch.arange(2)]
    return case, frames


def test_mean_score_and_majority_label(two_frames, build_metric, to_samples,
                                       tmp_path):
    case, frames = two_frames
    for frame, scores, labels in zip(frames, ([.2, .9], [.6, .3]),
                                     ([2, 1], [1, 1])):
        frame.pred_track_instances.scores = torch.tensor(scores).double()
        frame.pred_track_instances.labels = torch.tensor(labels)
    given = build_metric(case)
    with pytest.raises(
            ValueError,
            match="video 1 .name1., track 0: 2 scores "
            "and 2 labels.*track_score='mean'"):
        given.process(None, to_samples([frames]))
    metric = build_metric(
        case,
        track_score='mean',
        format_only=True,
        outfile_prefix=str(tmp_path / 'mean'))
    metric.dataset_meta['video_ids'] = (1, )
    metric.process(None, to_samples([frames]))
    metric.evaluate(1)
    tracks = read_zip(tmp_path / 'mean.submission_file.zip')
    assert [track['category_id'] for track in tracks] == [2, 2]
    assert [track['score'] for track in tracks] == pytest.approx([.4, .6])
    with pytest.raises(ValueError, match="track_score='max', expected"):
        VISMetric(track_score='max')


@pytest.mark.parametrize('change, message', [
    (dict(labels=torch.tensor([5, 0])), 'track 0: label 5, expected one of'),
    (dict(scores=torch.tensor([math.nan, 0])), 'a score is not finite'),
    (dict(instances_id=torch.tensor([4, 4])), r'\[4\] appear twice'),
    (dict(masks=torch.ones(2, 32, 48)),
     r'frame 1: mask of size \(32, 48\), expected ori_shape \(64, 96\)'),
])
def test_broken_predictions_are_named(two_frames, build_metric, to_samples,
                                      change, message):
    case, frames = two_frames
    if 'masks' in change:
        frames = [frames[0], frames[1].clone()]
        pred = frames[1].pred_track_instances
    for frame in frames:
        pred = frame.pred_track_instances
        if 'masks' not in change or frame is frames[1]:
            pred.set_data(change)
    metric = build_metric(case)
    with pytest.raises(ValueError, match=message) as err:
        metric.process(None, to_samples([frames]))
    assert 'video 1 (name1)' in str(err.value)


def test_missing_parts_of_a_frame_are_named(two_frames, build_metric,
                                            to_samples):
    case, frames = two_frames
    del frames[0].pred_track_instances.masks
    with pytest.raises(ValueError, match=r"frame 0: .* lacks \['masks'\]"):
        build_metric(case).process(None, to_samples([frames]))
    del frames[0].pred_track_instances
    with pytest.raises(ValueError, match='pred_track_instances is missing'):
        build_metric(case).process(None, to_samples([frames]))
    frames[1].set_metainfo(dict(frame_id=0, ori_video_length=1))
    frame = frames[1].to_dict()
    frame['pred_track_instances']['scores'] = torch.zeros(1)
    with pytest.raises(ValueError, match='2 instances_id, 1 scores, 2 labels'):
        build_metric(case).process(None, [frame])


@pytest.mark.parametrize('change, message', [
    (dict(mask=None), 'instance 1 of annotated frame 0 has no mask'),
    (dict(bbox_label=9), r'instance 1 has labels \[9\], expected one of'),
    (dict(instance_id=2), r'annotations: frame 0: track ids \[2\] appear'),
    (dict(mask=dict(size=[4, 4], counts='0')), r'size \[4, 4\], expected'),
])
def test_broken_annotations_are_named(two_frames, build_metric, change,
                                      message):
    case, frames = two_frames
    frame = frames[0]
    frame.set_metainfo(dict(ori_video_length=1))
    frame.instances[0].update(change)
    with pytest.raises(AnnotationError, match=message) as err:
        build_metric(case).process(None, [frame])
    assert 'video 1 (name1)' in str(err.value)


def test_stated_areas_win_and_missing_ones_are_counted(two_frames):
    _, frames = two_frames
    instances = [
        dict(frames[0].instances[0], area=None),
        dict(frames[0].instances[0], area=7)
    ]
    rle = instances[0]['mask']
    video = OpenVideo(1, 'video 1', 2, tuple(rle['size']), False)
    video.frames = [
        FrameTracks([], [], [], [], [instance]) for instance in instances
    ]
    track, = ground_truth_tracks(video, {0: 5})
    assert track['areas'] == [int(mask_utils.area(rle)), 7]
    assert track['category_id'] == 5 and not track['iscrowd']
    assert track['segmentations'] == [rle, rle]
