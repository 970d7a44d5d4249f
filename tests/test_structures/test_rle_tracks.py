import numpy as np
import pytest
import torch
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import (RLETracks, as_rle, encode_crop,
                                     encode_masks, rle_areas)


def random_masks(num=3, height=7, width=11, seed=0):
    return np.random.default_rng(seed).random((num, height, width)) > 0.5


def runs_of(mask):
    """Column-major run lengths, background first, counted pixel by pixel."""
    runs, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return dict(size=list(mask.shape), counts=runs)


@pytest.mark.parametrize('convert', [
    np.asarray,
    torch.from_numpy,
    lambda masks: torch.from_numpy(masks).to(torch.uint8),
    lambda masks: np.asfortranarray(masks.astype(np.float32)),
    lambda masks: torch.from_numpy(masks)[:, ::1].requires_grad_(False),
])
def test_encode_masks_decodes_to_the_masks(convert):
    masks = random_masks()
    rles = encode_masks(convert(masks))
    assert [rle['size'] for rle in rles] == [[7, 11]] * 3
    for rle, mask in zip(rles, masks):
        np.testing.assert_array_equal(mask_utils.decode(rle), mask)


@pytest.mark.parametrize('top, left, height, width', [
    (0, 0, 7, 11),
    (2, 3, 4, 5),
    (0, 10, 7, 1),
    (6, 0, 1, 11),
    (3, 4, 0, 2),
    (3, 4, 2, 0),
])
@pytest.mark.parametrize('fill', [None, False, True])
def test_a_crop_is_encoded_as_the_whole_mask(top, left, height, width, fill):
    crop = random_masks(1, height, width)[0]
    if fill is not None:
        crop[:] = fill
    whole = np.zeros((7, 11), bool)
    whole[top:top + height, left:left + width] = crop
    assert encode_crop(crop, top, left, 7, 11) == encode_masks(whole[None])[0]


def test_encode_masks_of_nothing_and_of_a_single_mask():
    assert encode_masks(torch.zeros(0, 4, 6, dtype=torch.bool)) == []
    with pytest.raises(ValueError, match=r'\(N, H, W\), got \(4, 6\)'):
        encode_masks(np.zeros((4, 6)))


def test_areas_of_more_codes_than_fit_in_a_byte():
    masks = random_masks(300, 3, 4)
    areas = rle_areas(encode_masks(masks))
    assert areas.dtype == np.int64
    np.testing.assert_array_equal(areas, masks.sum(axis=(1, 2)))
    assert rle_areas([]).shape == (0, )


def test_as_rle_reads_every_form():
    mask = random_masks(1)[0]
    coded = encode_masks(mask[None])[0]
    text = dict(coded, counts=coded['counts'].decode())
    runs = runs_of(mask)
    before = dict(runs, counts=list(runs['counts']))
    for form in (coded, text, runs):
        rle = as_rle(form, 7, 11)
        np.testing.assert_array_equal(mask_utils.decode(rle), mask)
    assert runs == before
    box = as_rle([[1., 1., 5., 1., 5., 4., 1., 4.]], 7, 11)
    assert mask_utils.area(box) == 12


@pytest.mark.parametrize('form, message', [
    (dict(size=[7, 12], counts='0'), r'\[7, 12\], expected \[7, 11\]'),
    (dict(size=[7, 11], counts=[70, 8]), 'add up to 78, expected 7 x 11'),
    (dict(size=[7, 11], counts=[80, -3]), 'none negative'),
    (dict(size=[7, 11], counts='P'), 'breaks off'),
    (dict(size=[7, 11], counts=b''), 'breaks off'),
])
def test_as_rle_refuses_broken_codes(form, message):
    with pytest.raises(ValueError, match=message):
        as_rle(form, 7, 11)


def build_tracks():
    """Track 5 in frames 0 and 2, track 3 from frame 1, track 9 never."""
    masks = random_masks(4, seed=1)
    rles = encode_masks(masks)
    empty = encode_masks(np.zeros((1, 7, 11)))[0]
    tracks = RLETracks(7, 11)
    tracks.append([5, 9], [rles[0], empty])
    tracks.append(np.array([3]), [rles[1]])
    tracks.append(torch.tensor([5, 3]), [rles[2], None])
    return tracks, rles, masks


def test_tracks_are_padded_to_the_frames():
    tracks, rles, masks = build_tracks()
    assert len(tracks) == 3
    assert tracks.ids == [5, 9, 3]
    assert 9 in tracks and 4 not in tracks
    assert tracks.segmentations(5) == [rles[0], None, rles[2]]
    assert tracks.segmentations(9) == [None] * 3
    assert tracks.segmentations(3) == [None, rles[1], None]
    assert tracks.areas(5).tolist() == [masks[0].sum(), 0, masks[2].sum()]
    assert tracks.frame(2) == {5: rles[2]}


def test_windows_join_to_the_whole_video():
    whole, rles, _ = build_tracks()
    first, second = RLETracks(7, 11), RLETracks(7, 11)
    first.append([5, 9], [rles[0], None])
    second.append([3], [rles[1]])
    second.append([5, 3], [rles[2], None])
    first.extend(second)
    assert first.ids == whole.ids and len(first) == len(whole)
    for track_id in whole.ids:
        assert first.segmentations(track_id) == whole.segmentations(track_id)
        assert (first.areas(track_id) == whole.areas(track_id)).all()
    assert len(second) == 2
    with pytest.raises(ValueError, match=r'\(7, 12\) cannot follow'):
        first.extend(RLETracks(7, 12))


def test_youtube_vis_round_trip():
    tracks, _, masks = build_tracks()
    out = {i: tracks.to_youtube_vis(i) for i in tracks.ids}
    assert isinstance(out[5][0]['counts'], str) and out[5][1] is None
    back = RLETracks.from_youtube_vis(out, 7, 11)
    assert back.ids == tracks.ids and len(back) == len(tracks)
    assert {i: back.to_youtube_vis(i) for i in back.ids} == out
    runs = RLETracks.from_youtube_vis({1: [None, runs_of(masks[0])]}, 7, 11)
    np.testing.assert_array_equal(
        mask_utils.decode(runs.segmentations(1)[1]), masks[0])


@pytest.mark.parametrize('ids, sizes, message', [
    ([1, 1], [(7, 11)] * 2, r'frame 0: track ids \[1\] appear twice'),
    ([1, 2], [(7, 11)], 'frame 0: 2 track ids for 1 masks'),
    ([1], [(11, 7)], r'frame 0: mask of size \[11, 7\], expected \[7, 11\]'),
])
def test_a_wrong_frame_is_refused_and_not_counted(ids, sizes, message):
    tracks = RLETracks(7, 11)
    rles = [encode_masks(np.ones((1, *size)))[0] for size in sizes]
    with pytest.raises(ValueError, match=message):
        tracks.append(ids, rles)
    assert len(tracks) == 0 and tracks.ids == []


def test_tracks_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r'tracks of \[1, 2\] frames'):
        RLETracks.from_youtube_vis({1: [None], 2: [None, None]}, 7, 11)
