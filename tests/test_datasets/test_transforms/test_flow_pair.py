import cv2
import numpy as np
import pytest

from mmvis_plugin.datasets.transforms import (LoadFlowPair, PackFlowPair,
                                              RandomCropFlowPair,
                                              RandomFlipFlowPair)
from mmvis_plugin.structures import write_flow
from mmvis_plugin.utils.errors import AnnotationError

SIZE = 12, 15


def moved_pair():
    """Two images; each pixel of the first is found where the flow points."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    second = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    flow = rng.integers(-3, 4, (2, *SIZE)).astype(np.float32)
    rows, columns = np.mgrid[:SIZE[0], :SIZE[1]]
    x, y = columns + flow[0].astype(int), rows + flow[1].astype(int)
    valid = (x >= 0) & (x < SIZE[1]) & (y >= 0) & (y < SIZE[0])
    # of several pixels with one end, one is right
    ends = np.where(valid, y * SIZE[1] + x, -1).ravel()
    _, kept = np.unique(ends, return_index=True)
    alone = np.zeros(ends.size, bool)
    alone[kept] = True
    valid &= alone.reshape(SIZE)
    second[y[valid], x[valid]] = first[valid]
    return dict(imgs=np.stack([first, second]), flow=flow, flow_valid=valid)


def check_pair(results):
    """Look every valid pixel up where the flow points; return how many."""
    first, second = results['imgs']
    count = 0
    for row, column in zip(*np.nonzero(results['flow_valid'])):
        dx, dy = results['flow'][:, row, column]
        x, y = column + int(dx), row + int(dy)
        if 0 <= x < second.shape[1] and 0 <= y < second.shape[0]:
            assert (second[y, x] == first[row, column]).all()
            count += 1
    return count


@pytest.mark.parametrize('probs, direction', [
    ((1, 0), 'horizontal'),
    ((0, 1), 'vertical'),
    ((1, 1), 'diagonal'),
    ((0, 0), None),
])
def test_flipped_flow_leads_to_the_same_pixel(probs, direction):
    results = moved_pair()
    before = results['imgs'].copy()
    total = check_pair(results)
    results = RandomFlipFlowPair(*probs)(results)
    assert check_pair(results) == total > 80
    assert results.get('flip_direction') == direction
    step = [-1 if prob else 1 for prob in probs]
    assert (results['imgs'] == before[:, ::step[1], ::step[0]]).all()


def test_probability_of_a_flip():
    np.random.seed(0)
    flip, flipped = RandomFlipFlowPair(0.25, 0.75), []
    for _ in range(400):
        found = flip(moved_pair()).get('flip_direction')
        flipped.append([
            found in ('horizontal', 'diagonal'), found
            in ('vertical', 'diagonal')
        ])
    np.testing.assert_allclose(np.mean(flipped, 0), (0.25, 0.75), atol=0.07)


def test_cropped_flow_leads_to_the_same_pixel():
    np.random.seed(0)
    corners = set()
    for _ in range(60):
        results = moved_pair()
        whole = results['imgs'][0]
        results = RandomCropFlowPair((10, 40))(results)
        assert results['imgs'].shape == (2, 10, 15, 3)
        assert results['img_shape'] == results['flow_valid'].shape == (10, 15)
        assert results['flow'].shape == (2, 10, 15)
        assert check_pair(results) > 50
        corners.add(
            next(
                top for top in range(3)
                if (whole[top:top + 10] == results['imgs'][0]).all()))
    assert corners == {0, 1, 2}


def test_shifted_windows_keep_the_pixels_together():
    np.random.seed(0)
    shifts = set()
    for _ in range(80):
        results = moved_pair()
        before = results['flow'].copy()
        results = RandomCropFlowPair((8, 10), max_shift=3)(results)
        assert results['imgs'].shape == (2, 8, 10, 3)
        assert results['flow'].dtype == np.float32
        assert check_pair(results) > 5
        change = {
            tuple(
                float(c)
                for c in results['flow'][:, 0, 0] - before[:, top, left])
            for top in range(5)
            for left in range(6)
            if (before[:, top:top + 8, left:left +
                       10].std((1, 2)) == results['flow'].std((1, 2))).all()
        }
        shifts |= change
    assert {x
            for x, _ in shifts} == {y
                                    for _, y in shifts} == set(range(-3, 4))


@pytest.fixture
def files(tmp_path):
    pair = moved_pair()
    record = dict(
        img_paths=[str(tmp_path / f'{name}.png') for name in 'ab'],
        flow_path=str(tmp_path / 'a_to_b.png'))
    for path, img in zip(record['img_paths'], pair['imgs']):
        assert cv2.imwrite(path, img[..., ::-1])
    write_flow(record['flow_path'], pair['flow'], pair['flow_valid'])
    return record, pair


def test_load_flip_and_pack(files):
    record, pair = files
    results = LoadFlowPair()(dict(record))
    for key, value in pair.items():
        assert (results[key] == value).all()
    item = PackFlowPair()(RandomFlipFlowPair(1, 1)(results))
    flow = item['data_samples'].gt_flow
    assert item['inputs'].shape == (2, 3, *SIZE)
    expected = pair['imgs'][:, ::-1, ::-1].transpose(0, 3, 1, 2)
    assert (item['inputs'].numpy() == expected).all()
    assert (flow.flow.numpy() == -pair['flow'][:, ::-1, ::-1]).all()
    assert (flow.valid.numpy() == pair['flow_valid'][None, ::-1, ::-1]).all()
    meta = item['data_samples'].metainfo
    assert meta['flow_path'] == record['flow_path']
    assert meta['flip_direction'] == 'diagonal'


def test_images_of_another_size(files):
    record, pair = files
    cv2.imwrite(record['img_paths'][1], pair['imgs'][1][:5])
    with pytest.raises(AnnotationError, match=r'b.png .*\(5, 15\), expected'):
        LoadFlowPair()(record)
    with open(record['img_paths'][0], 'wb') as file:
        file.write(b'nothing')
    with pytest.raises(AnnotationError, match='a.png .*cannot be decoded'):
        LoadFlowPair()(record)
