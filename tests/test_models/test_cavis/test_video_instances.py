import pytest
import torch
from pycocotools import mask as mask_utils
from torch.nn import functional as F

from mmvis_plugin.models.cavis import (SlotPicks, original_masks,
                                       pick_instances, slot_class_probs,
                                       video_instances)

META = dict(batch_input_shape=(32, 48), img_shape=(30, 42), ori_shape=(45, 63))


def reference_meta(ref):
    return {
        key: tuple(ref[key].tolist())
        for key in ('batch_input_shape', 'img_shape', 'ori_shape')
    }


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values(reference, case):
    ref = reference(f'post_{case}')
    probs = slot_class_probs(ref['class_logits'], ref.get('aux_class_logits'))
    picks = pick_instances(probs, ref.number('topk'))
    # the released code leaves the order open
    order = ref['vis_scores'].argsort(descending=True)
    torch.testing.assert_close(picks.scores, ref['vis_scores'][order])
    assert torch.equal(picks.labels, ref['vis_labels'][order])
    assert torch.equal(picks.slots, ref['vis_query_ids'][order])

    masks = ref['vis_masks'][order]
    results = video_instances(
        picks, lambda frame, slots: ref['mask_logits'][slots, frame],
        [reference_meta(ref)] * masks.size(1))
    for frame, result in enumerate(results):
        present = masks[:, frame].flatten(1).any(1)
        assert result.instances_id.tolist() == present.nonzero()[:, 0].tolist()
        for track, rle in zip(result.instances_id, result.masks):
            mask = torch.from_numpy(mask_utils.decode(rle)).bool()
            assert torch.equal(mask, masks[track, frame])


def blob_logits(*boxes, size=(8, 12)):
    logits = torch.full((len(boxes), *size), -8.)
    for logit, (x1, y1, x2, y2) in zip(logits, boxes):
        logit[y1:y2, x1:x2] = 8.
    return logits


def test_tracks_of_a_video():
    nothing = (0, 0, 0, 0)
    videos = [
        blob_logits((2, 2, 6, 6), nothing, (0, 0, 4, 4)),
        blob_logits((4, 2, 8, 6), (1, 1, 3, 3), nothing),
    ]
    picks = SlotPicks(
        torch.tensor([2, 0, 1, 0]), torch.tensor([4, 1, 0, 3]),
        torch.tensor([.9, .8, .5, .4]))
    asked = []

    def logits_of(frame, slots):
        asked.append(slots.tolist())
        return videos[frame][slots]

    first, second = video_instances(picks, logits_of, [META] * 2)
    assert asked == [[0, 1, 2]] * 2  # each mask once
    assert first.instances_id.tolist() == [0, 1, 3]
    assert first.slots.tolist() == [2, 0, 0]
    assert first.labels.tolist() == [4, 1, 3]
    torch.testing.assert_close(first.scores, torch.tensor([.9, .8, .4]))
    assert first.masks[1] == first.masks[2] != first.masks[0]
    assert second.instances_id.tolist() == [1, 2, 3]
    for result, logits in ((first, videos[0]), (second, videos[1])):
        for slot, box, rle in zip(result.slots, result.bboxes, result.masks):
            mask = mask_utils.decode(rle)
            exact = original_masks(logits[slot][None], META)[0] > 0
            assert torch.equal(torch.from_numpy(mask).bool(), exact)
            ys, xs = exact.nonzero().unbind(1)
            assert box.tolist() == [
                xs.min(), ys.min(),
                xs.max() + 1, ys.max() + 1
            ]


def test_resizing_twice_with_and_without_sigmoid():
    logits = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(0))

    def resize(x, size):
        return F.interpolate(x[None], size, mode='bilinear')[0]

    padded = resize(logits, (32, 48))[:, :30, :42]
    torch.testing.assert_close(
        original_masks(logits, META), resize(padded, (45, 63)))
    probs = original_masks(logits, META, with_sigmoid=True)
    torch.testing.assert_close(probs, resize(padded.sigmoid(), (45, 63)))
    assert original_masks(logits.half(), META).dtype == torch.float32


def test_video_without_picks():
    picks = pick_instances(torch.rand(3, 4), 0)
    result, = video_instances(picks,
                              lambda _, slots: torch.rand(3, 8, 12)[slots],
                              [META])
    assert len(result) == 0 and result.masks == []
    assert result.bboxes.shape == (0, 4)
    assert original_masks(torch.rand(0, 8, 12), META).shape == (0, 45, 63)
