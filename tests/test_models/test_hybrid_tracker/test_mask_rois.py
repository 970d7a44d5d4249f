from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmvis_plugin.models.hybrid_tracker import mask_boxes, mask_rois

DATA = Path(__file__).parents[2] / 'data/hybrid'


def load(case):
    with np.load(DATA / f'hybrid_roi_{case}.npz') as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values(case):
    ref = load(case)
    m = int(ref['m'])
    assert torch.equal(mask_boxes(ref['id_map'], m), ref['boxes'])
    rois = mask_rois(ref['id_map'], m)[:, 0]
    torch.testing.assert_close(rois, ref['roi'], rtol=0, atol=1e-5)
    canvas = mask_rois(ref['id_map'], m, out_size=(256, 512), chunk_size=2)
    torch.testing.assert_close(
        canvas.sum((1, 2, 3)).double(), ref['canvas_sum'], rtol=1e-5, atol=0)


def naive(id_map, k, canvas_size, out_size):
    """Canvas sample by sample, then pooling."""
    ys, xs = np.nonzero(id_map == k)
    canvas = np.zeros(canvas_size)
    if len(ys) == 0:
        return np.zeros(out_size)
    x0, y0 = xs.min(), ys.min()
    scale = min(canvas_size[0] / (ys.max() + 1 - y0),
                canvas_size[1] / (xs.max() + 1 - x0))
    for v, u in np.ndindex(*canvas_size):
        x, y = x0 + (u + .5) / scale - .5, y0 + (v + .5) / scale - .5
        for row in (int(np.floor(y)), int(np.floor(y)) + 1):
            for col in (int(np.floor(x)), int(np.floor(x)) + 1):
                if (0 <= row < id_map.shape[0] and 0 <= col < id_map.shape[1]
                        and id_map[row, col] == k):
                    weight = (1 - abs(x - col)) * (1 - abs(y - row))
                    canvas[v, u] += weight
    return F.adaptive_avg_pool2d(torch.from_numpy(canvas)[None], out_size)[0]


@pytest.mark.parametrize('size, m', [((1, 1), 1), ((30, 9), 3), ((21, 50), 5)])
@pytest.mark.parametrize('chunk_size', [1, 16])
def test_equals_loops(size, m, chunk_size):
    rng = np.random.default_rng(0)
    id_map = np.zeros(size, np.int16)
    for k in range(1, m + 1):
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        id_map[y:y + rng.integers(1, 12), x:x + rng.integers(1, 20)] = k
    id_map[rng.random(size) < 0.2] = 0
    canvas_size, out_size = (12, 30), (5, 7)
    got = mask_rois(
        torch.from_numpy(id_map), m + 1, canvas_size, out_size, chunk_size)
    assert got.shape == (m + 1, 1, *out_size)
    for k in range(m + 1):
        expected = naive(id_map, k + 1, canvas_size, out_size)
        np.testing.assert_allclose(got[k, 0], expected, atol=1e-5)


def test_no_instances():
    empty = torch.zeros(4, 5, dtype=torch.long)
    assert mask_rois(empty, 0).shape == (0, 1, 28, 56)
    assert mask_boxes(empty, 0).shape == (0, 4)
    assert mask_boxes(empty, 2).tolist() == [[0] * 4] * 2
    assert (mask_rois(empty, 2) == 0).all()


def test_shape_is_kept_and_size_is_not():
    small, large = torch.zeros(2, 40, 60, dtype=torch.long)
    small[3:7, 20:26] = 1
    large[10:30, 5:35] = 1
    rois = [mask_rois(ids, 1)[0, 0] for ids in (small, large)]
    # 1.5 times as wide as high: the right quarter of the canvas stays empty
    for roi in rois:
        assert (roi[4:-4, 4:38] == 1).all() and (roi[:, 46:] == 0).all()


def test_content_in_the_place_of_ones():
    id_map = torch.zeros(30, 40, dtype=torch.long)
    id_map[3:13, 5:25], id_map[15:29, 2:9] = 1, 2
    masks = mask_rois(id_map, 3)
    content = torch.stack([torch.full((30, 40), 3.), id_map.double()])
    rois = mask_rois(id_map, 3, content=content)
    assert rois.shape == (3, 2, 28, 56)
    torch.testing.assert_close(rois[:, :1], 3 * masks)
    torch.testing.assert_close(
        rois[:, 1:],
        masks * torch.tensor([1., 2., 3.]).view(3, 1, 1, 1))
    # columns count up along the object
    columns = torch.arange(40.).expand(1, 30, 40)
    row = mask_rois(id_map, 2, content=columns)[0, 0, 14]
    assert (row[2:-2].diff() > 0).all() and 5 <= row[2] and row[-3] <= 25
