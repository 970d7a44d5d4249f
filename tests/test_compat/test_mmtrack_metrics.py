"""Metrics, hook and visualizer under the names of mmtrack."""
import zipfile

import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmvis_plugin.compat.mmtrack_scope import (HOOKS, METRICS, MODELS,
                                               VISUALIZERS)
from mmvis_plugin.engine.hooks import VideoVisualizationHook
from mmvis_plugin.structures.rle_tracks import encode_masks
from mmvis_plugin.testing import fake_metainfo
from mmvis_plugin.visualization import VideoVisualizer

LENGTH = 3


def sample(scores, labels, shift=0):
    """Return a video with one object and one track."""
    frames = []
    for t in range(LENGTH):
        mask = torch.zeros(1, 20, 30, dtype=torch.bool)
        mask[0, 5:15, 5 + t:15 + t] = True
        meta = fake_metainfo(t, LENGTH, size=(10, 15))
        box = [5. + t, 5., 15. + t, 15.]
        meta['instances'] = [
            dict(
                bbox=box,
                bbox_label=1,
                instance_id=4,
                ignore_flag=0,
                area=100,
                mask=encode_masks(mask)[0])
        ]
        frame = DetDataSample(metainfo=meta)
        frame.pred_track_instances = InstanceData(
            instances_id=torch.tensor([9]),
            bboxes=torch.tensor([box]),
            labels=torch.tensor([labels[t]]),
            scores=torch.tensor([scores[t]]),
            masks=encode_masks(mask.roll(shift, -1)))
        frames.append(frame)
    clip = TrackDataSample()
    clip.video_data_samples = frames
    return clip


def evaluate(clip, **cfg):
    """Return the results of a metric on one video."""
    with DefaultScope.overwrite_default_scope('mmtrack'):
        metric = METRICS.build(cfg)
    metric.dataset_meta = dict(classes=('cat', 'dog'), label2cat=(3, 8))
    metric.process(None, [clip.to_dict()])
    return metric.evaluate(1)


def test_youtube_vis_results_have_the_names_of_mmtrack():
    # the label of most frames counts
    clip = sample([.9, .8, .7], [1, 0, 1])
    results = evaluate(clip, type='YouTubeVISMetric', metric='youtube_vis_ap')
    prefix = 'youtube_vis/youtube_vis_ap_'
    assert list(results) == [
        f'{prefix}mAP{k}' for k in ('', '_50', '_75', '_s', '_m', '_l')
    ]
    assert results[f'{prefix}mAP'] == pytest.approx(1)
    # IoU 5 / 15
    clip = sample([.9, .8, .7], [1, 1, 1], shift=5)
    results = evaluate(
        clip,
        type='YouTubeVISMetric',
        metric=['youtube_vis_ap'],
        metric_items=['AR@10', 'mAP_50'])
    assert results == {f'{prefix}AR@10': 0., f'{prefix}mAP_50': 0.}
    same = evaluate(clip, type='VISMetric', track_score='mean')
    assert same['vis/AP50'] == 0.


def test_youtube_vis_submission(tmp_path):
    prefix = tmp_path / 'out'
    assert evaluate(
        sample([.9, .9, .9], [1, 1, 1]),
        type='YouTubeVISMetric',
        outfile_prefix=str(prefix),
        format_only=True) == {}
    with zipfile.ZipFile(f'{prefix}.submission_file.zip') as file:
        assert b'"category_id": 8' in file.read('results.json').replace(
            b'":8', b'": 8')


@pytest.mark.parametrize('bad', [
    dict(metric='bbox'),
    dict(metric_items=['AP']),
])
def test_youtube_vis_refuses_other_names(bad):
    with pytest.raises(KeyError, match=next(iter(bad))):
        METRICS.build(dict(type='mmtrack.YouTubeVISMetric', **bad))


def test_coco_video_metric_needs_no_file():
    results = evaluate(
        sample([.9, .9, .9], [1, 1, 1]),
        type='CocoVideoMetric',
        ann_file='not/there.json',
        metric='segm')
    assert results['coco/segm_mAP'] == 1.


def test_hook_and_visualizer_take_their_arguments():
    hook = HOOKS.build(
        dict(
            type='mmtrack.TrackVisualizationHook',
            draw=True,
            interval=7,
            score_thr=0.4,
            file_client_args=dict(backend='disk')))
    assert isinstance(hook, VideoVisualizationHook)
    assert (hook.frame_interval, hook.backend_args) == (7, None)
    other = HOOKS.build(
        dict(
            type='mmtrack.TrackVisualizationHook',
            file_client_args=dict(backend='petrel')))
    assert other.backend_args == dict(backend='petrel')
    assert VISUALIZERS.get('TrackLocalVisualizer') is VideoVisualizer
    assert MODELS.get('TrackDataPreprocessor').__name__ == \
        'VideoDataPreprocessor'
