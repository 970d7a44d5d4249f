import numpy as np
import pytest

from mmvis_plugin.structures import PanopticSegments


@pytest.mark.parametrize('dtype', [np.uint32, np.int64, np.uint16])
@pytest.mark.parametrize('seed', range(5))
def test_equals_one_mask_at_a_time(seed, dtype):
    rng = np.random.default_rng(seed)
    ids = rng.choice([0, 3, 7, 1000, 12007], (11, 6)).astype(dtype)
    # a run that would go on into the next row
    ids[4, -1] = ids[5, 0] = 9
    found = PanopticSegments.from_map(ids)
    expected = []
    for value in sorted(set(ids.ravel().tolist()) - {0}):
        rows, cols = np.nonzero(ids == value)
        expected.append((value, len(rows), [
            cols.min(),
            rows.min(),
            cols.max() - cols.min() + 1,
            rows.max() - rows.min() + 1
        ]))
    assert found.ids.tolist() == [item[0] for item in expected]
    assert found.areas.tolist() == [item[1] for item in expected]
    assert found.boxes.tolist() == [item[2] for item in expected]
    assert found.ids.dtype == found.areas.dtype == found.boxes.dtype


def test_only_void():
    found = PanopticSegments.from_map(np.zeros((3, 4), dtype=np.uint32))
    assert found.ids.shape == found.areas.shape == (0, )
    assert found.boxes.shape == (0, 4)
