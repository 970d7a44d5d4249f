"""MovingShapes through files, datasets, pipeline and metrics."""
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData

from mmvis_plugin.datasets import CityscapesVPS, VIPSeg
from mmvis_plugin.datasets.samplers import VideoWindowSampler
from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.writers import (CityscapesVPSWriter,
                                                     VIPSegWriter,
                                                     cityscapes_vps, vipseg)
from mmvis_plugin.datasets.synthetic.writers.common import category_lut
from mmvis_plugin.evaluation import STQMetric, VPQMetric
from .panoptic_data import LOAD

CFG = replace(
    get_cfg('micro'),
    seed=3,
    p_twin=1.,
    p_crowd=1.,
    num_train=0,
    num_val=2,
    height=48,
    width=72)
OPTIONS = {
    'labelled':
    dict(
        ann_file='panoptic_gt_val_city_vps.json',
        data_prefix=dict(
            img_path='val/img/', seg_map_path='val/panoptic_video/')),
    'all':
    dict(
        ann_file='panoptic_gt_val_city_vps.json',
        frames='all',
        data_prefix=dict(
            img_path='val/img_all/', seg_map_path='val/panoptic_video/')),
    'json':
    dict(
        ann_file='panoptic_gt_VIPSeg_val.json',
        data_prefix=dict(img_path='images/', seg_map_path='panomasksRGB/')),
    'raw':
    dict(
        ann_file='val.txt',
        data_prefix=dict(img_path='images/', seg_map_path='panomasks/'))
}


class Made:
    """A dataset, and the videos that it was written from."""

    def __init__(self, folder, form, **kwargs):
        self.city = form in ('labelled', 'all')
        writer = (CityscapesVPSWriter if self.city else VIPSegWriter)(CFG)
        writer.write(str(folder / ('city' if self.city else 'vipseg')))
        self.dataset = (CityscapesVPS if self.city else VIPSeg)(
            data_root=str(folder / ('city' if self.city else 'vipseg')),
            pipeline=LOAD,
            test_mode=True,
            serialize_data=False,
            **OPTIONS[form],
            **kwargs)
        self.videos = [
            generate_video(writer.cfg, 'val', i) for i in range(CFG.num_val)
        ]
        self.lengths = [
            6 if form == 'labelled' else len(video.frames)
            for video in self.videos
        ]
        names = (cityscapes_vps if self.city else vipseg).NAMES
        lut = category_lut('cityscapes_vps' if self.city else 'vipseg', names)
        label_of = {
            category: label
            for label, category in enumerate(
                self.dataset.metainfo['label2cat'])
        }
        self.lut = np.array(
            [label_of.get(category, 255) for category in lut.tolist()])

    def panoptic(self, pred):
        """Return label + 1000 * track id of a whole video."""
        labels = self.lut[pred.label_maps]
        return np.where(labels < 255, labels + 1000 * pred.id_maps, 255)

    def score(self, truths, window=None):
        """Return VPQ and STQ of predictions, one per video."""
        metrics = [VPQMetric(windows=(1, 2, 4)), STQMetric(numbering='clean')]
        for metric in metrics:
            metric.dataset_meta = self.dataset.metainfo
        maps = [self.panoptic(pred) for pred in truths]
        for index in VideoWindowSampler(self.dataset, window):
            clip = self.dataset[index]['data_samples']
            for frame in clip.video_data_samples:
                pred = maps[frame.video_id - 1][frame.src_frame]
                frame.pred_panoptic_seg = PixelData(
                    sem_seg=torch.from_numpy(pred)[None])
            for metric in metrics:
                metric.process({}, [clip.to_dict()])
        return {**metrics[0].evaluate(2), **metrics[1].evaluate(2)}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('moving_shapes')


@pytest.fixture(scope='module')
def made(folder, request):
    with DefaultScope.overwrite_default_scope('mmdet'):
        return Made(folder, request.param)


every_form = pytest.mark.parametrize('made', list(OPTIONS), indirect=True)
both = pytest.mark.parametrize('made', ['labelled', 'json'], indirect=True)


@every_form
def test_maps_are_those_of_the_generator(made):
    for index, video in enumerate(made.videos):
        crowds = [card.object_id for card in video.objects if card.iscrowd]
        names = {}
        clip = made.dataset[index]['data_samples']
        assert len(clip) == made.lengths[index]
        for frame in clip.video_data_samples:
            t = frame.src_frame
            if made.city:
                assert frame.has_ann == (t % 5 == 4)
            pan = frame.gt_panoptic_seg.pan_seg[0].numpy()
            sem = frame.gt_sem_seg.sem_seg[0].numpy()
            if not frame.has_ann:
                assert not pan.any() and (sem == 255).all()
                continue
            labels = made.lut[video.label_maps[t]]
            objects = video.id_maps[t].astype(int)
            is_crowd = np.isin(objects, crowds)
            if made.city:
                labels = np.where(is_crowd, 255, labels)
            assert np.array_equal(sem, labels)
            assert np.array_equal(pan == 0, labels == 255)
            pairs = np.stack([pan, labels, objects * ~is_crowd], -1)
            for one in np.unique(pairs[pan > 0], axis=0).tolist():
                assert names.setdefault(one[0], one[1:]) == one[1:]
        # one id, one object
        assert len(names) == len({tuple(pair) for pair in names.values()})


@every_form
def test_truth_is_perfect_in_windows_of_any_length(made):
    truths = [SynthPrediction.from_video(video) for video in made.videos]
    whole = made.score(truths)
    assert whole['vpq/VPQ'] == whole['vpq/VPQ_th'] == 100
    assert {v for k, v in whole.items() if k.startswith('vpq')} == {100}
    assert {v for k, v in whole.items() if k.startswith('stq')} == {1}


def test_classes_that_are_left_out_are_void_for_metrics(folder):
    classes = ('person', 'cat', 'sky', 'tree')
    made = Made(folder, 'json', metainfo=dict(classes=classes), unknown='drop')
    found = made.score([SynthPrediction.from_video(v) for v in made.videos])
    assert found['vpq/VPQ'] == 100 and found['stq/STQ'] == 1
    everything = Made(folder, 'json')
    made.lut = everything.lut % len(classes)
    assert made.score([SynthPrediction.from_video(v)
                       for v in made.videos])['vpq/VPQ'] < 100


@both
def test_windows_make_no_difference(made):
    worse = [
        degrade(SynthPrediction.from_video(video), 'jitter', 3., seed)
        for seed, video in enumerate(made.videos)
    ]
    whole = made.score(worse)
    assert whole['vpq/VPQ'] < 100
    for window in (1, 4):
        assert made.score(worse, window) == whole


@both
@pytest.mark.parametrize('kind, p', [('drop', .5), ('swap', 1.),
                                     ('jitter', 4.), ('extra', 1.),
                                     ('wrong_class', 1.)])
def test_errors_of_one_kind(made, kind, p):
    worse = [
        degrade(SynthPrediction.from_video(video), kind, p, seed)
        for seed, video in enumerate(made.videos)
    ]
    found = made.score(worse)
    for key in ('vpq/VPQ', 'vpq/VPQ_th', 'vpq/VPQ_2', 'vpq/VPQ_4'):
        assert found[key] < 100, key
    assert found['stq/STQ'] < 1
    # single frames do not show who is who
    assert (found['vpq/VPQ_1'] == 100) == (kind == 'swap')
    assert (found['stq/SQ'] == 1) == (kind == 'swap')
    # tubes are associated whatever their class; new ones cover stuff only
    assert (found['stq/AQ'] == 1) == (kind in ('extra', 'wrong_class'))
    # the others change what lies beside the objects
    assert (found['vpq/VPQ_st'] == 100) == (kind not in ('extra', 'jitter'))
