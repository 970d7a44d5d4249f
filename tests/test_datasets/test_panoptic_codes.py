import numpy as np
import pytest

from mmvis_plugin.datasets.panoptic_codes import (VOID_CODE, code_masks,
                                                  decode_codes, encode_codes,
                                                  segment_codes)


@pytest.mark.parametrize('number, dtype', [(0, np.uint8), (3, np.uint8),
                                           (255, np.uint8), (256, np.int16),
                                           (700, np.int16)])
def test_codes_and_back(number, dtype):
    rng = np.random.default_rng(number)
    listed = rng.permutation(np.arange(1, 2000))[:number].tolist()
    ids = rng.choice([0, 5000, *listed], (40, 50)).astype(np.uint32)
    codes = encode_codes(ids, listed)
    assert codes.dtype == dtype
    for place, segment in enumerate(listed):
        code = place if place < 255 else place + 1
        assert segment_codes(number)[place] == code
        assert np.array_equal(codes == code, ids == segment)
    # neither 0 nor an id that is not listed has a segment
    assert np.array_equal(codes == VOID_CODE, np.isin(ids, [0, 5000]))
    back = decode_codes(codes, listed, 0, np.int32)
    assert back.dtype == np.int32
    assert np.array_equal(back, np.where(ids == 5000, 0, ids))
    labels = decode_codes(codes, [i % 7 for i in listed], 255, np.uint8)
    assert np.array_equal(labels, np.where(back == 0, 255, back % 7))


def test_masks_of_codes():
    rng = np.random.default_rng(0)
    codes = rng.choice([0, 1, 2, 254, 255, 256, 300], (9, 11)).astype(np.int16)
    wanted = [256, 1, 299, 301, 0]
    masks = code_masks(codes, wanted)
    assert masks.dtype == np.uint8 and masks.shape == (5, 9, 11)
    for mask, code in zip(masks, wanted):
        assert np.array_equal(mask, codes == code)
    assert code_masks(codes, []).shape == (0, 9, 11)
    assert not code_masks(codes[:0], [3]).any()
