import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.synthetic import generate_video
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.synth_samples import (panoptic_metainfo,
                                                           sample_frames)
from mmvis_plugin.structures import read_panoptic_map


@pytest.fixture(scope='module')
def case(rich_cfg, tmp_path_factory):
    """Return the truth of a video and its frames."""
    video = generate_video(rich_cfg, 'train', 1, with_images=False)
    truth = SynthPrediction.from_video(video)
    folder = str(tmp_path_factory.mktemp('maps'))
    return truth, sample_frames(truth, truth, 7, folder)


def test_instances_and_tracks(case):
    truth, frames = case
    crowds = 0
    for ids, frame in zip(truth.id_maps, frames):
        found = np.zeros_like(ids)
        for item in frame.instances:
            mask = mask_utils.decode(item['mask']) > 0
            rows, cols = np.nonzero(mask)
            assert item['bbox'] == [
                cols.min(),
                rows.min(),
                cols.max() + 1,
                rows.max() + 1
            ]
            assert item['area'] == mask.sum()
            track = item['instance_id'] - 7000
            assert item['bbox_label'] == truth.labels[track]
            assert item['ignore_flag'] == (track in truth.crowds)
            crowds += item['ignore_flag']
            found[mask] = track
        assert (found == ids).all()
        tracks = frame.pred_track_instances
        assert tracks.instances_id.tolist() == [
            item['instance_id'] - 7000 for item in frame.instances
            if not item['ignore_flag']
        ]
        assert [tuple(m['size'])
                for m in tracks.masks] == [ids.shape] * len(tracks)
    assert crowds > 0


def test_maps(case):
    truth, frames = case
    meta = panoptic_metainfo(3)
    assert meta['video_ids'] == (0, 1, 2)
    for labels, ids, frame in zip(truth.label_maps, truth.id_maps, frames):
        codes = frame.pred_panoptic_seg.sem_seg[0].numpy()
        assert (codes % 1000 == labels).all()
        assert (codes // 1000 == ids).all()
        written = read_panoptic_map(frame.seg_map_path)
        assert ((written == 0) == (labels == 255)).all()
        for segment in frame.segments_info:
            mask = written == segment['id']
            assert segment['area'] == mask.sum()
            assert set(labels[mask]) == {segment['category']}
            track, = set(ids[mask])
            assert segment['is_thing'] == (track > 0)
            assert segment['iscrowd'] == (track in truth.crowds)
        assert {s['category']
                for s in frame.segments_info
                } == set(np.unique(labels[labels < 255]))
