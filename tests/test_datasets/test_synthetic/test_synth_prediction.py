import numpy as np
import pytest
from pycocotools import mask as mask_api

from mmvis_plugin.datasets.synthetic import generate_video
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction


@pytest.fixture(scope='module')
def video(rich_cfg):
    return generate_video(rich_cfg, 'train', 1, with_images=False)


@pytest.fixture
def pred(video):
    return SynthPrediction.from_video(video)


def test_prediction_of_the_ground_truth(video, pred):
    assert (pred.id_maps == video.id_maps).all()
    assert pred.id_maps.dtype == np.int64
    pred.id_maps[:] = 0
    assert video.id_maps.any()
    seen = [o for o in video.objects if (video.id_maps == o.object_id).any()]
    assert pred.labels == {o.object_id: o.label for o in seen}
    assert set(pred.scores.values()) == {1.0}
    assert pred.crowds == {o.object_id for o in seen if o.iscrowd} != set()
    assert pred.num_classes == 8


def test_youtube_vis_entries_hold_the_masks(video, pred):
    entries = pred.to_youtube_vis(5, range(10, 18))
    assert len(entries) == len(pred.object_ids) >= 2
    for object_id, entry in zip(pred.object_ids, entries):
        assert entry['video_id'] == 5
        assert entry['category_id'] == 10 + pred.labels[object_id]
        masks = video.mask(object_id)
        assert len(entry['segmentations']) == len(masks)
        for mask, rle in zip(masks, entry['segmentations']):
            if rle is None:
                assert not mask.any()
            else:
                assert (mask_api.decode(rle) == mask).all()


def test_mots_bitmasks_hold_class_and_id(video, pred):
    (first, *_) = pred.object_ids
    pred.id_maps[pred.id_maps == first] = 300
    rgba = pred.to_mots().astype(int)
    ids = 256 * rgba[..., 2] + rgba[..., 3]
    assert (ids == pred.id_maps).all() and (rgba[..., 1] == 0).all()
    thing = video.id_maps > 0
    assert (rgba[..., 0] == np.where(thing, video.label_maps + 1., 0)).all()


def test_panoptic_ids_and_segments(video, pred):
    lut = np.full(256, -1)
    lut[:14] = np.arange(14) + 20
    lut[13] = -1
    ids, segments = pred.to_panoptic(lut)
    assert ids.dtype == np.uint32
    void = (video.label_maps == 255) | (video.label_maps == 13)
    assert ((ids == 0) == void).all()
    for t, infos in enumerate(segments):
        assert {s['id'] for s in infos} == set(np.unique(ids[t])) - {0}
        for info in infos:
            inside = ids[t] == info['id']
            assert info['area'] == inside.sum()
            labels = np.unique(video.label_maps[t][inside])
            assert (lut[labels] == info['category_id']).all()
            assert len(np.unique(video.id_maps[t][inside])) == 1
