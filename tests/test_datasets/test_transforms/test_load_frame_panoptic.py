import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from mmvis_plugin.datasets.transforms import LoadFramePanoptic, PackClipInputs
from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.structures import write_panoptic_map

SIZE = 40, 60


def cells(num_columns, num_rows, shift=0):
    """Return blocks of ids 1, 2, ...; every fifth block is void."""
    ids = 1 + np.arange(num_rows * num_columns).reshape(num_rows, num_columns)
    ids[ids % 5 == 0] = 0
    rows = np.arange(SIZE[0]) * num_rows // SIZE[0]
    cols = (np.arange(SIZE[1]) + shift) % SIZE[1] * num_columns // SIZE[1]
    return ids[rows][:, cols]


def frame(ids, path, has_ann=True):
    """Write a map; even ids are things, 4 is a crowd."""
    write_panoptic_map(str(path), ids)
    found = np.unique(ids[ids > 0]).tolist() if has_ann else []
    return dict(
        img=np.zeros((*SIZE, 3), np.uint8),
        img_path='a.png',
        img_shape=SIZE,
        ori_shape=SIZE,
        seg_map_path=str(path),
        has_ann=has_ann,
        segments_info=[
            dict(
                id=i,
                category=i % 9,
                is_thing=i % 2 == 0,
                iscrowd=int(i == 4),
                instance_id=i + 100,
                area=int((ids == i).sum())) for i in found
        ])


def clip_of(frames):
    return {key: [f[key] for f in frames] for key in frames[0]}


def test_things_and_codes(tmp_path):
    ids = cells(4, 3)
    results = frame(ids, tmp_path / 'a.png')
    results['segments_info'][1]['ignore_flag'] = 1
    results = LoadFramePanoptic()(results)
    order = [s['id'] for s in results['segments_info']]
    codes = results['gt_seg_map']
    assert codes.dtype == np.uint8
    assert np.array_equal(
        np.array(order + [0])[np.where(codes == 255, len(order), codes)], ids)
    things = [2, 4, 6, 8, 12]
    assert results['gt_instances_ids'].tolist() == [i + 100 for i in things]
    assert results['gt_instances_ids'].dtype == np.int32
    assert results['gt_bboxes_labels'].tolist() == [i % 9 for i in things]
    assert results['gt_ignore_flags'].tolist() == [True, True] + [False] * 3
    assert results['gt_bboxes'].dtype == np.float32
    for i, mask, box in zip(things, results['gt_masks'].masks,
                            results['gt_bboxes']):
        assert np.array_equal(mask, ids == i)
        rows, cols = np.nonzero(mask)
        assert box.tolist() == [
            cols.min(), rows.min(),
            cols.max() + 1,
            rows.max() + 1
        ]
    bare = LoadFramePanoptic(with_mask=False)(frame(ids, tmp_path / 'a.png'))
    assert 'gt_masks' not in bare
    assert np.array_equal(bare['gt_bboxes'], results['gt_bboxes'])


def test_frame_without_annotation(tmp_path):
    results = frame(cells(4, 3), tmp_path / 'a.png', has_ann=False)
    results['seg_map_path'] = results['segments_info'] = None
    results = LoadFramePanoptic()(results)
    assert (results['gt_seg_map'] == 255).all()
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['gt_seg_map'].shape == SIZE
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_masks'].masks.shape == (0, *SIZE)
    packed = PackClipInputs()(clip_of([results]))['data_samples'][0]
    assert packed.segments_info == []
    assert packed.gt_panoptic_seg.pan_seg.eq(0).all()
    assert packed.gt_sem_seg.sem_seg.eq(255).all()
    for found in (packed.gt_instances, packed.ignored_instances):
        assert found.bboxes.shape == (0, 4)
        assert found.instances_ids.dtype == torch.int32
        assert found.masks.masks.shape == (0, *SIZE)


def test_annotated_frame_without_segments(tmp_path):
    results = LoadFramePanoptic()(
        frame(np.zeros(SIZE, int), tmp_path / 'a.png'))
    assert (results['gt_seg_map'] == 255).all()
    assert results['gt_bboxes'].shape == (0, 4)


def test_semantic_maps_are_packed_as_they_are():
    results = dict(
        img=[np.zeros((*SIZE, 3), np.uint8)],
        gt_seg_map=[np.full(SIZE, 7, np.int64)])
    packed = PackClipInputs()(results)['data_samples'][0]
    assert packed.gt_sem_seg.sem_seg.eq(7).all()
    assert 'gt_panoptic_seg' not in packed


TRANSFORMS_OF_FRAMES = [
    dict(type='Resize', scale=(90, 70), keep_ratio=True),
    dict(type='Resize', scale=(47, 31), keep_ratio=False),
    dict(type='RandomFlip', prob=1., direction='horizontal'),
    dict(type='RandomFlip', prob=1., direction='vertical'),
    dict(type='RandomFlip', prob=1., direction='diagonal'),
    dict(
        type='RandomCrop',
        crop_size=(36, 30),
        allow_negative_crop=True,
        recompute_bbox=True),
    dict(
        type='RandomChoiceResize',
        scales=[(75, 50), (50, 33)],
        keep_ratio=True),
    dict(type='Pad', size_divisor=32),
    dict(type='PseudoMotion', max_angle=15., crop_range=(.5, .9)),
    dict(type='ClipAffine', max_angle=20., crop_range=(.9, 1.4)),
]


@pytest.mark.parametrize(
    'cfg', TRANSFORMS_OF_FRAMES, ids=lambda cfg: cfg['type'])
@pytest.mark.parametrize('grid', [(4, 3), (24, 14)])
def test_transforms_carry_masks_and_maps_alike(tmp_path, cfg, grid):
    np.random.seed(1)
    load = Compose([
        dict(
            type='TransformBroadcaster',
            transforms=[dict(type='LoadFramePanoptic')])
    ])
    maps = [cells(*grid, shift=4 * t) for t in range(3)]
    clip = load(
        clip_of([frame(m, tmp_path / f'{t}.png') for t, m in enumerate(maps)]))
    clip = with_all_masks(clip, maps)
    clip = TRANSFORMS.build(
        dict(
            type='TransformBroadcaster',
            share_random_params=True,
            transforms=[cfg]))(
                clip)
    packed = PackClipInputs()(clip)['data_samples']
    for t in range(3):
        check(packed[t], clip['gt_seg_map'][t].dtype, grid)
    sizes = {tuple(f.gt_sem_seg.sem_seg.shape) for f in packed}
    assert sizes == {(1, *clip['img'][0].shape[:2])}


def with_all_masks(clip, maps):
    """Make every segment an instance, as an independent witness."""
    for t, ids in enumerate(maps):
        listed = np.unique(ids[ids > 0])
        masks = (ids == listed[:, None, None]).astype(np.uint8)
        clip['gt_masks'][t] = type(clip['gt_masks'][t])(masks, *SIZE)
        clip['gt_instances_ids'][t] = listed.astype(np.int32)
        clip['gt_bboxes_labels'][t] = listed % 9
        clip['gt_ignore_flags'][t] = np.zeros(len(listed), bool)
        clip['gt_bboxes'][t] = np.array([[
            np.nonzero(m)[1].min(),
            np.nonzero(m)[0].min(),
            np.nonzero(m)[1].max() + 1,
            np.nonzero(m)[0].max() + 1
        ] for m in masks], np.float32)
    return clip


def check(packed, dtype, grid):
    """Hold the maps of a frame against the masks of its segments."""
    assert dtype == (np.int16 if grid[0] * grid[1] > 300 else np.uint8)
    pan = packed.gt_panoptic_seg.pan_seg[0].numpy()
    expected = np.zeros_like(pan)
    found = packed.gt_instances
    assert len(found) > 3
    for mask, i in zip(found.masks.masks, found.instances_ids.tolist()):
        assert np.array_equal(pan == i, mask > 0)
        expected[mask > 0] = i
    # what has no mask is void, whether it was or lies outside
    assert np.array_equal(pan, expected)
    assert (pan == 0).any()
    sem = packed.gt_sem_seg.sem_seg[0].numpy()
    assert np.array_equal(sem, np.where(pan == 0, 255, pan % 9))
