"""MovingShapes through files, BDD100KMOTS and its metrics."""
import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import BDD100KMOTS
from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots
from mmvis_plugin.evaluation import MOTSMetric
from mmvis_plugin.evaluation.metrics import FrameCocoMetric
from mmvis_plugin.structures import bitmask_objects

CFG = replace(get_cfg('micro'), seed=3, p_twin=1., num_train=2, num_val=3)
CROWDED = replace(CFG, p_crowd=1., num_val=2)


class Made:
    """A data set, and the videos that it was written from."""

    def __init__(self, folder, cfg):
        write_bdd_mots(str(folder), cfg)
        self.folder = folder
        self.dataset = self.read('bitmasks')
        self.videos = [
            generate_video(cfg, 'val', i) for i in range(cfg.num_val)
        ]

    def read(self, form):
        return BDD100KMOTS(
            data_root=str(self.folder),
            ann_file=f'labels/seg_track_20/{form}/val',
            data_prefix=dict(img_path='images/seg_track_20/val'),
            workers=1,
            serialize_data=False,
            test_mode=True)

    def score(self, kind=None, p=1., metric=None):
        """Return the scores of the truth with errors of one kind."""
        metric = metric or MOTSMetric(classwise=True)
        metric.dataset_meta = dict(self.dataset.metainfo)
        for index, video in enumerate(self.videos):
            truth = SynthPrediction.from_video(video)
            if kind is not None:
                truth = degrade(truth, kind, p, index)
            maps = truth.to_mots()
            for crowd in truth.crowds:
                maps[truth.id_maps == crowd] = 0
            sample = TrackDataSample()
            sample.video_data_samples = frame_samples(
                self.dataset.get_data_info(index), maps)
            metric.process(None, [sample.to_dict()])
        return metric.evaluate(len(self.videos))


def frame_samples(info, maps):
    frames = []
    for image, pixels in zip(info['images'], maps):
        frame = DetDataSample(
            metainfo=dict(
                image,
                video_id=info['video_id'],
                ori_video_length=info['video_length'],
                ori_shape=pixels.shape[:2]))
        found = bitmask_objects(pixels, 'prediction')
        boxes = [mask_utils.toBbox(item.rle) for item in found]
        frame.pred_track_instances = InstanceData(
            instances_id=torch.tensor([i.track_id for i in found]).long(),
            labels=torch.tensor([i.category_id - 1 for i in found]).long(),
            scores=torch.ones(len(found)),
            bboxes=torch.tensor(np.array(boxes)).reshape(-1, 4),
            masks=[item.rle for item in found])
        frames.append(frame)
    return frames


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp('mots') / 'set', CFG)


@pytest.fixture(scope='module')
def crowded(tmp_path_factory):
    return Made(tmp_path_factory.mktemp('mots') / 'set', CROWDED)


@pytest.mark.parametrize('form', ['bitmasks', 'rles'])
def test_what_was_written_is_what_the_generator_made(crowded, form):
    dataset = crowded.read(form)
    names = dataset.metainfo['classes']
    for index, video in enumerate(crowded.videos):
        info, new_ids = dataset.get_data_info(index), {}
        assert info['video_name'] == video.name
        cards = {card.object_id: card for card in video.objects}
        assert any(card.iscrowd for card in cards.values())
        for t, image in enumerate(info['images']):
            ids, painted = video.id_maps[t], np.zeros_like(video.id_maps[t])
            for item in image['instances']:
                # late ids in odd videos, so that both bytes are in use
                source = item['src_instance_id'] - 254 * (index % 2)
                mask = mask_utils.decode(item['mask']).astype(bool)
                painted[mask] = source
                card = cards[source]
                assert item['ignore_flag'] == card.iscrowd
                assert item['bbox_label'] == card.label < len(names)
                new = new_ids.setdefault(source, item['instance_id'])
                assert new == item['instance_id']
            assert (painted == ids).all()
        assert sorted(new_ids) == np.unique(
            video.id_maps[video.id_maps > 0]).tolist()
        assert len(set(new_ids.values())) == len(new_ids)


@pytest.mark.parametrize('which', ['made', 'crowded'])
def test_truth_is_perfect(which, request):
    made = request.getfixturevalue(which)
    results = made.score()
    names = made.dataset.metainfo['classes']
    present = {
        names[card.label]
        for video in made.videos
        for card in video.objects
        if not card.iscrowd and (video.id_maps == card.object_id).any()
    }
    assert 0 < len(present) < 8
    for key in ('MOTSA', 'MOTSP', 'IDF1'):
        for name in present:
            assert results[f'mots/{key}_{name}'] == 100, (key, name)
        assert results[f'mots/m{key}'] == pytest.approx(100 * len(present) / 8)
        assert results[f'mots/{key}_overall'] == 100
    for key in ('FP', 'FN', 'IDSw', 'PT', 'ML', 'FM'):
        assert results[f'mots/{key}'] == 0
    with contextlib.redirect_stdout(io.StringIO()):
        results = made.score(metric=FrameCocoMetric(metric='segm'))
    assert results['coco/segm_mAP'] == 1


# what each kind of error moves, and what it leaves alone
MOVES = dict(
    swap=(1., ('IDSw', ), ('FP', 'FN', 'MOTSP_overall', 'ML')),
    drop=(.5, ('FN', 'ML'), ('FP', 'IDSw', 'MOTSP_overall')),
    extra=(1., ('FP', ), ('FN', 'IDSw', 'MOTSP_overall', 'ML')),
    jitter=(1., ('MOTSP_overall', ), ('IDSw', 'ML')),
    wrong_class=(1., ('FP', 'FN', 'ML'), ('IDSw', )))


@pytest.mark.parametrize('kind', sorted(MOVES))
def test_each_error_moves_its_own_numbers(made, kind):
    p, moved, still = MOVES[kind]
    perfect, results = made.score(), made.score(kind, p)
    for key in moved:
        before, after = (r[f'mots/{key}'] for r in (perfect, results))
        assert after < before if 'MOTSP' in key else after > before, key
    for key in still:
        assert results[f'mots/{key}'] == perfect[f'mots/{key}'], key
    if kind != 'jitter':
        assert results['mots/MOTSA_overall'] < 100
        assert results['mots/IDF1_overall'] < 100
    if kind == 'swap':
        counted = results['mots/IDSw']
        assert results['mots/MOTSA_overall'] == pytest.approx(
            100 * (1 - counted / num_objects(made)))
    if kind == 'wrong_class':
        assert results['mots/FN'] == results['mots/FP'] == num_objects(made)


def num_objects(made):
    """Count the objects of all frames."""
    return sum(
        len(image['instances'])
        for info in map(made.dataset.get_data_info, range(len(made.videos)))
        for image in info['images'])
