import pytest
import torch

from mmvis_plugin.models.pcan.training_pairs import (FramePairs, PositiveRoIs,
                                                     class_free,
                                                     match_positives,
                                                     split_pairs)


@pytest.mark.parametrize('key', [0, 1])
def test_key_frame_may_be_the_later_one(pairs, key):
    inputs, samples = pairs([[[1], [2]], [[3], [4]]], key=key)
    split = split_pairs(inputs, samples)
    torch.testing.assert_close(split.feats, inputs[:, key])
    torch.testing.assert_close(split.ref_feats, inputs[:, 1 - key])
    ids = [s.gt_instances.instances_ids.tolist() for s in split.samples]
    assert ids == [[[1], [2]][key], [[3], [4]][key]]


def test_clips_of_another_length_are_refused(pairs):
    inputs, samples = pairs([[[1], [2], [3]]])
    with pytest.raises(ValueError, match='a clip has 3 frames.*num_frames=2'):
        split_pairs(inputs, samples)


def test_labels_of_the_sample_stay(pairs):
    _, samples = pairs([[[1, 2], []]])
    labels = samples[0][0].gt_instances.labels.clone()
    assert class_free(samples[0][0]).gt_instances.labels.tolist() == [0, 0]
    assert labels.tolist() == [1, 2]
    torch.testing.assert_close(samples[0][0].gt_instances.labels, labels)


def rois(gt_inds):
    boxes = [torch.zeros(len(inds), 4) for inds in gt_inds]
    return PositiveRoIs(boxes, [torch.tensor(i).long() for i in gt_inds],
                        torch.zeros(0), torch.zeros(0), torch.zeros(0))


def test_partner_is_the_most_similar_box_of_the_same_object(pairs):
    inputs, samples = pairs([[[4, 6], [6, 4]], [[9], [8, 9]]])
    split = FramePairs(inputs, inputs, [s[0] for s in samples],
                       [s[1] for s in samples])
    keys = rois([[0, 1, 0], [0]])
    refs = rois([[0, 1, 1], [0, 1]])
    unit = torch.eye(6)
    embeds = torch.stack([unit[0], unit[1], unit[2], unit[3]])
    refs_embeds = torch.stack([
        unit[0] + unit[1],  # of 6: similar to key row 1; row 0 is of 4
        unit[0] + .2 * unit[5],  # of 4
        unit[0],  # of 4, the most similar to row 0
        unit[3],  # of 8, another object
        .1 * unit[3] + unit[4],  # of 9, not similar
    ])
    rows, columns = match_positives(split, keys, refs, embeds, refs_embeds,
                                    0.5)
    assert rows.tolist() == [0, 1] and columns.tolist() == [2, 0]


@pytest.mark.parametrize('key_inds, ref_inds', [([[]], [[0]]), ([[0]], [[]]),
                                                ([[]], [[]])])
def test_nothing_to_match(pairs, key_inds, ref_inds):
    inputs, samples = pairs([[[1], [1]]])
    split = FramePairs(inputs, inputs, [samples[0][0]], [samples[0][1]])
    found = match_positives(split, rois(key_inds), rois(ref_inds),
                            torch.ones(len(key_inds[0]), 3),
                            torch.ones(len(ref_inds[0]), 3), 0.5)
    assert [part.tolist() for part in found] == [[], []]
