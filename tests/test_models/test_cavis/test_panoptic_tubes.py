import numpy as np
import pytest
import torch

from mmvis_plugin.models.cavis import (SlotPicks, pick_segments,
                                       slot_class_probs,
                                       tube_panoptic_postprocess)

META = dict(batch_input_shape=(6, 8), img_shape=(6, 8), ori_shape=(6, 8))


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values(reference, case):
    ref = reference(f'post_{case}')
    meta = {
        key: tuple(ref[key].tolist())
        for key in ('batch_input_shape', 'img_shape', 'ori_shape')
    }
    probs = slot_class_probs(ref['class_logits'], ref.get('aux_class_logits'))
    num_things, num_classes = ref.number('num_things'), probs.size(1) - 1
    expected = ref['vps_map']
    tubes = tube_panoptic_postprocess(
        pick_segments(probs, ref.number('object_mask_thr')),
        lambda frame, slots: ref['mask_logits'][slots, frame],
        [meta] * len(expected), num_things, num_classes,
        ref.number('overlap_thr'))
    assert [[s['id'], s['isthing'], s['category']]
            for s in tubes.segments] == ref['vps_segments'].tolist()
    assert [s['slot'] for s in tubes.segments] == ref['vps_query_ids'].tolist()
    table = {s['id']: s['category'] for s in tubes.segments}
    assert len(tubes) == len(expected)
    for frame, ids in enumerate(expected):
        assert torch.equal(tubes.id_map(frame), ids.long())
        labels = ids.clone().apply_(lambda i: table.get(i, num_classes))
        assert torch.equal(
            tubes.sem_seg(frame)[0], (labels + 1000 * ids).int())


def random_case(num, frames=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(num, frames, 2, 3, generator=rng) * 2
    logits = torch.nn.functional.interpolate(logits, (6, 8), mode='bilinear')
    labels = torch.randint(4, (num, ), generator=rng)
    scores = torch.rand(num, generator=rng)
    return SlotPicks(torch.arange(num) * 2, labels, scores), logits


def naive(picks, logits, num_things, thr):
    """Section by section as the released code, on the whole video."""
    probs = logits.sigmoid().numpy()
    scores = picks.scores.numpy()
    owner = (probs * scores[:, None, None, None]).argmax(0)
    result, segments, stuff = np.zeros_like(owner), [], {}
    for n, label in enumerate(picks.labels.tolist()):
        probable = probs[n] >= 0.5
        mask = (owner == n) & probable
        owned, area = (owner == n).sum(), probable.sum()
        if owned == 0 or area == 0 or mask.sum() == 0 or owned / area < thr:
            continue
        if label >= num_things and label in stuff:
            result[mask] = stuff[label]
            continue
        segments.append((len(segments) + 1, label < num_things, label))
        stuff[label] = len(segments)
        result[mask] = len(segments)
    return torch.from_numpy(result), segments


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('thr', [0., 0.5, 0.8])
def test_equals_the_whole_video_at_once(seed, thr):
    picks, logits = random_case(5, seed=seed)
    expected, segments = naive(picks, logits, 2, thr)
    tubes = tube_panoptic_postprocess(
        picks, lambda frame, slots: logits[slots // 2, frame], [META] * 3, 2,
        4, thr)
    got = torch.stack([tubes.id_map(frame) for frame in range(3)])
    assert torch.equal(got, expected)
    assert [(s['id'], s['isthing'], s['category'])
            for s in tubes.segments] == segments


def test_areas_count_over_all_frames():
    # slot 0 loses half of frame 1 to slot 1, and nothing of frame 0
    logits = torch.full((2, 2, 6, 8), -9.)
    logits[0] = 9.
    logits[1, 1, :, :4] = 9.
    picks = SlotPicks(
        torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([.9, .95]))

    def segments(frames, thr):
        return tube_panoptic_postprocess(
            picks, lambda frame, _: logits[:, frames[frame]],
            [META] * len(frames), 2, 2, thr).segments

    assert len(segments([0, 1], 0.75)) == 2
    assert [s['category'] for s in segments([0, 1], 0.76)] == [1]
    assert [s['category'] for s in segments([1], 0.75)] == [1]
    assert [s['category'] for s in segments([0], 0.75)] == [0]


def test_nothing_certain_is_void():
    picks, logits = random_case(0)
    tubes = tube_panoptic_postprocess(picks, lambda frame, _: logits[:, frame],
                                      [META] * 3, 2, 4)
    assert tubes.segments == []
    for frame in range(3):
        assert (tubes.id_map(frame) == 0).all()
        assert tubes.sem_seg(frame).shape == (1, 6, 8)
        assert (tubes.sem_seg(frame) == 4).all()


def test_more_slots_than_a_byte_can_count():
    picks, logits = random_case(300, frames=1)
    tubes = tube_panoptic_postprocess(
        picks, lambda frame, slots: logits[slots // 2, frame], [META], 2, 4,
        0.)
    expected, _ = naive(picks, logits, 2, 0.)
    assert torch.equal(tubes.id_map(0), expected[0])
