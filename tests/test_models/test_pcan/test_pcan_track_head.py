import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch.testing import assert_close

from mmvis_plugin.models.pcan.sampling import sample_proposals
from mmvis_plugin.models.pcan.training_pairs import partner_indices


def proposals_near(samples, seed=0):
    """Boxes around the annotated ones, and others."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for sample in samples:
        boxes = sample.gt_instances.bboxes
        noise = torch.randn((4, len(boxes), 4), generator=generator)
        near = (boxes[None] + noise).flatten(0, 1)
        corner = torch.rand((10, 2), generator=generator) * 60
        far = torch.cat([corner, corner + 15], dim=1)
        found.append(InstanceData(bboxes=torch.cat([near, far])))
    return found


def quasi_dense_losses(dots, cosines, targets):
    """Both losses of one pair of frames, by their definition."""
    total, rows = 0., 0
    for dot, target in zip(dots, targets):
        if not target.any():
            continue
        rows += 1
        margins = dot[~target][:, None] - dot[target][None]
        total += torch.log1p(margins.exp().sum())
    negatives = (cosines.clamp(min=0) - 0.3).clamp(min=0)[~targets]
    num_pos = int(targets.sum())
    hardest = negatives.sort(descending=True)[0][:3 * num_pos]
    positives = (1 - cosines.clamp(0, 1))[targets]
    squares = hardest.square().sum() + positives.square().sum()
    count = len(hardest) + num_pos
    return 0.25 * total / max(rows, 1), squares / max(count, 1)


def run(build, pairs, ids, **kwargs):
    model = build(train=True)
    _, samples = pairs(ids, **kwargs)
    keys = [sample[0] for sample in samples]
    refs = [sample[1] for sample in samples]
    torch.manual_seed(0)
    feats, ref_feats = ([
        torch.randn(len(samples), 64, 64 >> i, 96 >> i) for i in range(2, 7)
    ] for _ in range(2))
    boxes, ref_boxes = proposals_near(keys), proposals_near(refs, seed=1)
    return model.track_head, (feats, ref_feats, boxes, ref_boxes, keys, refs)


def test_losses_equal_their_definition(build, pairs):
    head, args = run(build, pairs, [[[0, 1, 2], [2, 0]], [[7, 8], [8, 9]]])
    feats, ref_feats, boxes, ref_boxes, keys, refs = args
    torch.manual_seed(3)
    losses = head.losses(*args)
    torch.manual_seed(3)  # the same samples
    sampled = sample_proposals(head, feats, boxes, keys)
    ref_sampled = sample_proposals(head, ref_feats, ref_boxes, refs)
    track, aux = [], []
    for b, (res, ref) in enumerate(zip(sampled, ref_sampled)):
        embeds = head.embed([x[b:b + 1] for x in feats], [res.pos_priors])
        others = head.embed([x[b:b + 1] for x in ref_feats], [ref.priors])
        ids = keys[b].gt_instances.instances_ids[res.pos_assigned_gt_inds]
        ref_ids = torch.full((len(others), ), -1)
        ref_ids[:len(ref.pos_priors)] = refs[b].gt_instances.instances_ids[
            ref.pos_assigned_gt_inds].long()
        targets = ids[:, None] == ref_ids[None]
        assert targets.any()
        cosines = F.normalize(embeds) @ F.normalize(others).t()
        one, two = quasi_dense_losses(embeds @ others.t(), cosines, targets)
        track.append(one)
        aux.append(two)
    assert_close(losses['loss_track'], sum(track) / 2, rtol=1e-4, atol=1e-5)
    assert_close(losses['loss_track_aux'], sum(aux) / 2, rtol=1e-3, atol=1e-4)


def test_proposals_are_not_changed(build, pairs):
    head, args = run(build, pairs, [[[1], [1]]])
    before = args[3][0].bboxes.clone()
    head.losses(*args)
    assert list(args[3][0].keys()) == ['bboxes']
    assert_close(args[3][0].bboxes, before)


def test_frames_without_objects_give_zero(build, pairs):
    head, args = run(build, pairs, [[[], [1]], [[], []]])
    losses = head.losses(*args)
    assert {
        key: value.item()
        for key, value in losses.items()
    } == dict(
        loss_track=0., loss_track_aux=0.)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_reference_boxes_are_judged_by_their_own_ignored_regions(build, pairs):
    _, args = run(build, pairs, [[[1], [1]]])
    head, refs = build(train=True).detector.roi_head, args[5]
    head.bbox_assigner.ignore_iof_thr = 0.5
    region = torch.tensor([[-99., -99, 999, 999]])
    refs[0].ignored_instances = InstanceData(bboxes=region)
    sampled = sample_proposals(head, args[1], args[3], refs)
    assert len(sampled[0].neg_priors) == 0
    args[4][0].ignored_instances = InstanceData(bboxes=region)
    refs[0].ignored_instances = InstanceData(bboxes=region[:0])
    sampled = sample_proposals(head, args[1], args[3], refs)
    assert len(sampled[0].neg_priors) > 0


def test_partner_indices():
    ids, ref_ids = torch.tensor([0, 5, 3], dtype=torch.int32), torch.tensor(
        [3, 0], dtype=torch.int32)
    assert partner_indices(ids, ref_ids).tolist() == [1, -1, 0]
    assert partner_indices(ids[:0], ref_ids).tolist() == []
    assert partner_indices(ids, ref_ids[:0]).tolist() == [-1, -1, -1]
