"""Transforms and samplers under the names of mmtrack."""
import numpy as np
import pytest

from mmvis_plugin.compat.mmtrack_samplers import (EntireVideoBatchSampler,
                                                  VideoSampler)
from mmvis_plugin.compat.mmtrack_scope import TRANSFORMS


def frame(frame_id):
    """Return a frame as transforms leave it."""
    return dict(
        img=np.full((4, 6, 3), frame_id, np.uint8),
        img_path=f'{frame_id}.jpg',
        frame_id=frame_id,
        note=-frame_id,
        gt_bboxes=np.array([[0, 0, frame_id, 4]], np.float32),
        gt_bboxes_labels=np.array([1]),
        gt_instances_ids=np.array([7]),
        gt_ignore_flags=np.array([False]))


def lists(*frame_ids):
    """Return frames as per-frame lists."""
    frames = [frame(t) for t in frame_ids]
    return {key: [f[key] for f in frames] for key in frames[0]}


@pytest.mark.parametrize('num_keys, keys, refs', [
    (1, [1], [0, 2]),
    (2, [0, 1], [2]),
    (3, None, None),
])
def test_pack_in_temporal_order(num_keys, keys, refs):
    pack = TRANSFORMS.build(
        dict(
            type='mmtrack.PackTrackInputs',
            ref_prefix='ref',
            num_key_frames=num_keys,
            meta_keys='note',
            default_meta_keys=('img_id', 'frame_id')))
    packed = pack(lists(5, 2, 8))
    assert packed['inputs'].shape == (3, 3, 4, 6)
    assert packed['inputs'][:, 0, 0, 0].tolist() == [2, 5, 8]
    clip = packed['data_samples']
    assert [f.frame_id for f in clip] == [2, 5, 8]
    assert [f.note for f in clip] == [-2, -5, -8]
    assert [f.gt_instances.bboxes[0, 2].item() for f in clip] == [2, 5, 8]
    assert clip.get('key_frames_inds') == keys
    assert clip.get('ref_frames_inds') == refs


@pytest.mark.parametrize('flag', [True, False])
def test_pack_a_frame(flag):
    pack = TRANSFORMS.build(
        dict(type='mmtrack.PackTrackInputs', pack_single_img=flag))
    packed = pack(frame(3))
    assert packed['inputs'].shape == (1, 3, 4, 6)
    assert packed['data_samples'][0].gt_instances.instances_ids.item() == 7


def test_load_annotations():
    load = TRANSFORMS.build(
        dict(
            type='mmtrack.LoadTrackAnnotations',
            with_instance_id=True,
            with_bbox=True,
            with_label=True,
            with_mask=True))
    results = load(dict(instances=[], ori_shape=(4, 6)))
    assert results['gt_masks'].masks.shape == (0, 4, 6)
    with pytest.raises(ValueError, match='LoadFramePanoptic'):
        TRANSFORMS.build(
            dict(type='mmtrack.LoadTrackAnnotations', with_seg=True))


class Videos:
    """Videos of two and three frames."""

    def __len__(self):
        return 2

    def get_len_per_video(self, index):
        """Return the number of frames."""
        return 2 + index


def test_samplers_give_frames_and_videos():
    sampler = VideoSampler(Videos(), seed=3)
    frames = [(0, 0, 1), (0, 1, 2), (1, 0, 1), (1, 1, 2), (1, 2, 3)]
    assert list(sampler) == frames and len(sampler) == 5
    batches = EntireVideoBatchSampler(sampler, batch_size=1, drop_last=True)
    assert list(batches) == [[(0, 0, 2)], [(1, 0, 3)]] and len(batches) == 2
    with pytest.raises(ValueError, match='expected 1'):
        EntireVideoBatchSampler(sampler, batch_size=2)
    with pytest.raises(TypeError, match='VideoSampler'):
        EntireVideoBatchSampler([1, 2])
