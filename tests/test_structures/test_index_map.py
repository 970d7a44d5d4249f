import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import encode_index_map


@pytest.mark.parametrize('seed', range(5))
def test_same_codes_as_pycocotools(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        shape = rng.integers(1, 9, 2)
        values = rng.integers(0, rng.integers(1, 6), shape)
        found, codes = encode_index_map(values)
        assert found.tolist() == sorted(set(values[values > 0].tolist()))
        for value, code in zip(found, codes):
            mask = np.asfortranarray(values == value, dtype=np.uint8)
            expected = mask_utils.encode(mask)
            assert code == dict(
                size=shape.tolist(), counts=expected['counts'].decode())


@pytest.mark.parametrize('dtype', [np.uint8, np.uint32, np.int64])
def test_large_values_and_full_maps(dtype):
    top = np.iinfo(dtype).max
    values = np.array([[1, top], [1, top]], dtype=dtype)
    found, codes = encode_index_map(values)
    assert found.dtype == dtype and found.tolist() == [1, top]
    masks = mask_utils.decode(codes)
    assert (masks.transpose(2, 0, 1) == [values == 1, values == top]).all()


def test_nothing_there():
    found, codes = encode_index_map(np.zeros((3, 4), dtype=np.uint32))
    assert len(found) == 0 and codes == []
