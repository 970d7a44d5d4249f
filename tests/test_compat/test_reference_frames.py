"""Reference frames lie where they are asked for."""
import numpy as np
import pytest

from mmvis_plugin.compat.reference_frames import draw_reference_frames


def draws(key, length, number=200, **kwargs):
    """Return the sets of frames of many draws."""
    np.random.seed(0)
    return [
        draw_reference_frames(key, length, **kwargs) for _ in range(number)
    ]


@pytest.mark.parametrize('frame_range, filter_key, wanted', [
    (2, True, {3, 4, 6, 7}),
    (2, False, {3, 4, 5, 6, 7}),
    ([-1, 3], True, {4, 6, 7, 8}),
    ([0, 9], True, {6, 7, 8, 9}),
    (99, True, set(range(10)) - {5}),
])
def test_uniform(frame_range, filter_key, wanted):
    found = draws(
        5,
        10,
        num_ref_imgs=2,
        frame_range=frame_range,
        filter_key_img=filter_key,
        method='uniform')
    assert set(sum(found, [])) == wanted
    assert all(len(set(refs)) == 2 and sorted(refs) == refs for refs in found)
    # every frame about as often
    counts = np.bincount(sum(found, []), minlength=10)[sorted(wanted)]
    assert counts.min() > 0.6 * 400 / len(wanted)


def test_bilateral_takes_half_of_each_side():
    found = draws(
        5, 10, num_ref_imgs=4, frame_range=3, method='bilateral_uniform')
    for refs in found:
        assert len(set(refs)) == 4
        assert [t < 5 for t in refs] == [True, True, False, False]
    assert set(sum(found, [])) == {2, 3, 4, 6, 7, 8}


@pytest.mark.parametrize('method', ['uniform', 'bilateral_uniform'])
@pytest.mark.parametrize('key, length', [(0, 5), (4, 5), (0, 1), (1, 2)])
def test_as_many_as_asked_for_at_the_ends(method, key, length):
    for refs in draws(
            key, length, 20, num_ref_imgs=6, frame_range=9, method=method):
        assert len(refs) == 6
        assert all(0 <= t < length for t in refs)


def test_a_range_of_zero_repeats_the_key_frame():
    assert draw_reference_frames(3, 9, num_ref_imgs=2, frame_range=0) == [3, 3]


@pytest.mark.parametrize('kwargs, message', [
    (dict(method='test_with_fix_stride', stride=1), 'ref_img_sampler=None'),
    (dict(method='bilateral_uniform', num_ref_imgs=3), 'even number'),
    (dict(frame_range=-2), 'number >= 0'),
    (dict(frame_range=[1, 2]), 'back <= 0'),
    (dict(frame_range=[-1, 0, 1]), 'back <= 0'),
])
def test_values_without_a_meaning(kwargs, message):
    with pytest.raises(ValueError, match=message):
        draw_reference_frames(3, 9, **kwargs)
