"""The page of errors of MOTS and of panoptic maps."""
import pickle
import shutil

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_bdd_mots,
                                                     write_vipseg)
from mmvis_plugin.structures import encode_panoptic_map, read_panoptic_map
from ..error_reports import content, run, write_config

MOTS = """type='BDD100KMOTS', workers=1,
    ann_file='labels/seg_track_20/bitmasks/val',
    data_prefix=dict(img_path='images/seg_track_20/val')"""
VIPSEG = """type='VIPSeg', ann_file='panoptic_gt_VIPSeg_val.json',
    data_prefix=dict(img_path='images', seg_map_path='panomasksRGB')"""


def test_mots(tmp_path):
    """Labels as results: births and nothing else, crowds excuse."""
    root = tmp_path / 'bdd100k'
    write_bdd_mots(str(root), get_cfg('micro', seed=3, p_crowd=1.))
    config = write_config(tmp_path, root, MOTS,
                          "[dict(type='MOTSMetric', classwise=True)]")
    folder = root / 'labels/seg_track_20/bitmasks/val'
    archive = shutil.make_archive(str(tmp_path / 'results'), 'zip', folder)
    path = tmp_path / 'report.html'
    run('analysis_tools/error_report.py', config, archive, '--out', path,
        '--num', 1, '--no-clips')
    data = content(path.read_text())
    assert [c['name'] for c in data['columns']][0] == 'mots/MOTSA_overall'
    assert data['columns'][3] == dict(name='mots/IDSw', digits=0)
    assert data['overall'] == [100, 100, 100, 0, 0, 0]
    for video in data['videos']:
        assert {event['kind'] for event in video['events']} == {'birth'}
        assert len(video['events']) == len(video['objects'])


@pytest.fixture
def vipseg(tmp_path):
    """Return config and dumped maps: from frame 2 on, tracks are new."""
    root = tmp_path / 'vipseg'
    write_vipseg(str(root), get_cfg('micro', num_val=1, num_frames=4))
    config = write_config(
        tmp_path, root, VIPSEG,
        "[dict(type='VPQMetric', windows=(1, 2)), dict(type='STQMetric')]")
    dataset = DATASETS.build(
        Config.fromfile(str(config)).test_dataloader.dataset)
    info = dataset.get_data_info(0)
    frames = []
    for frame_id, image in enumerate(info['images']):
        ids = read_panoptic_map(image['seg_map_path'])
        codes = np.full(ids.shape, 255, np.int64)
        for item in image['segments_info']:
            track = (item['instance_id'] + 50 *
                     (frame_id > 1)) * item['is_thing']
            codes[ids == item['id']] = item['category'] + 1000 * track
        frames.append(
            dict(
                frame_id=frame_id,
                img_path='elsewhere.jpg',
                ori_shape=ids.shape,
                panoptic_png=encode_panoptic_map(codes, 'frame')))
    path = tmp_path / 'results.pkl'
    path.write_bytes(
        pickle.dumps([dict(video_id=info['video_id'], frames=frames)]))
    return config, path, info


def test_panoptic(vipseg, tmp_path):
    config, results, info = vipseg
    path = tmp_path / 'report.html'
    run('analysis_tools/error_report.py', config, results, '--out', path,
        '--no-clips', '--width', 160)
    page = path.read_text()
    data = content(page)
    assert [c['name'] for c in data['columns']
            ] == ['vpq/VPQ', 'vpq/VPQ_th', 'vpq/VPQ_st'
                  ] + ['stq/STQ', 'stq/AQ', 'stq/SQ']
    video, = data['videos']
    assert video['scores'] == data['overall']
    seen = [{s['id']
             for s in i['segments_info'] if s['is_thing']}
            for i in info['images']]
    switched = (seen[0] | seen[1]) & (seen[2] | seen[3])
    assert switched
    kinds = [event['kind'] for event in video['events']]
    assert set(kinds) == {'birth', 'switch'}
    assert kinds.count('switch') == len(switched)
    assert len(content(page, 'media-0')['frames']) == 4
