import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData

from mmvis_plugin.models.pcan import PCANTracker, TrackerState


class LoopTracker:
    """The rules of the tracker, one detection after the other."""

    def __init__(self, cfg):
        self.cfg, self.tracks, self.backdrops, self.num = cfg, {}, [], 0

    def duplicates(self, boxes, scores):
        iou = bbox_overlaps(boxes, boxes)
        keep = []
        for i in range(len(boxes)):
            low = scores[i] < self.cfg.obj_score_thr
            thr = (
                self.cfg.nms_backdrop_iou_thr
                if low else self.cfg.nms_class_iou_thr)
            if not any(iou[i, j] > thr for j in range(i)):
                keep.append(i)
        return keep

    def step(self, found, frame_id):
        found = found[found.scores.argsort(descending=True, stable=True)]
        found = found[self.duplicates(found.bboxes, found.scores)]
        memory = [(key, t['embeds'], t['labels'], t)
                  for key, t in sorted(self.tracks.items())]
        memory += [(-1, e, c, None) for e, c in self.backdrops]
        refs = [i for i in range(len(found))]
        ids = [-1] * len(found)
        if self.tracks and len(found):
            scores = self.scores(found, memory)
            for i in range(len(found)):
                column = int(scores[i].argmax())
                conf, track = scores[i, column], memory[column]
                if conf <= self.cfg.match_score_thr or track[0] < 0:
                    continue
                if found.scores[i] > self.cfg.obj_score_thr:
                    ids[i], refs[i] = track[0], track[3]['feat']
                    scores[i + 1:, column] = 0
                elif conf > self.cfg.nms_conf_thr:
                    ids[i] = -2
        for i in range(len(found)):
            if ids[i] == -1 and found.scores[i] > self.cfg.init_score_thr:
                self.num += 1
                ids[i] = self.num
        self.remember(found, ids, frame_id)
        return found, ids, refs

    def scores(self, found, memory):
        dots = found.embeds @ torch.stack([m[1] for m in memory]).t()
        scores = (dots.softmax(0) + dots.softmax(1)) / 2
        for i in range(len(found)):
            for j, m in enumerate(memory):
                if self.cfg.with_cats and found.labels[i] != m[2]:
                    scores[i, j] = 0
        return scores

    def remember(self, found, ids, frame_id):
        iou = bbox_overlaps(found.bboxes, found.bboxes)
        self.backdrops = []
        for i, track in enumerate(ids):
            if track > 0:
                embeds = found.embeds[i]
                if track in self.tracks:
                    m = self.cfg.memo_momentum
                    old = self.tracks[track]['embeds']
                    embeds = (1 - m) * old + m * embeds
                self.tracks[track] = dict(
                    embeds=embeds,
                    labels=found.labels[i],
                    feat=found.mask_feats[i],
                    last=frame_id)
            elif track == -1 and not any(iou[i,
                                             j] > self.cfg.nms_backdrop_iou_thr
                                         for j in range(i)):
                self.backdrops.append((found.embeds[i], found.labels[i]))
        self.tracks = {
            key: t
            for key, t in self.tracks.items()
            if frame_id - t['last'] < self.cfg.memo_tracklet_frames
        }


def detections(generator, num):

    def rand(*size):
        return torch.rand(size, generator=generator)

    corner = rand(num, 2) * 40
    objects = torch.randint(6, (num, ), generator=generator)
    embeds = torch.eye(6)[objects] * 3 + rand(num, 6)
    return InstanceData(
        bboxes=torch.cat([corner, corner + 5 + 20 * rand(num, 2)], dim=1),
        scores=rand(num),
        labels=objects % 3,
        embeds=embeds,
        mask_feats=rand(num, 2, 3, 3),
        mask_logits=rand(num, 3, 6, 6))


@pytest.mark.parametrize('options', [
    dict(),
    dict(obj_score_thr=0.5, init_score_thr=0.6, nms_conf_thr=0.6),
    dict(with_cats=False, memo_tracklet_frames=2),
])
@pytest.mark.parametrize('seed', range(4))
def test_equals_the_rules_one_by_one(options, seed):
    generator = torch.Generator().manual_seed(seed)
    tracker = PCANTracker(**options)
    loops, state = LoopTracker(tracker), TrackerState()
    numbers = set()
    for t, num in enumerate([3, 12, 12, 1, 12, 12, 12]):
        found = detections(generator, num)
        expected, ids, refs = loops.step(found, t)
        objects, state = tracker.match(found, state)
        state = tracker.update(objects, t, state)
        assert objects.instances_id.tolist() == ids
        torch.testing.assert_close(objects.scores, expected.scores)
        for i, ref in enumerate(refs):
            own = not isinstance(ref, torch.Tensor)
            ref = expected.mask_feats[i] if own else ref
            torch.testing.assert_close(objects.ref_feats[i], ref)
        assert state.memory.ids.tolist() == sorted(loops.tracks)
        torch.testing.assert_close(
            state.memory.fields['embeds'],
            torch.stack([t['embeds'] for _, t in sorted(loops.tracks.items())])
            if loops.tracks else torch.zeros(0, 6))
        numbers.update(ids)
    assert len(numbers - {-1, -2}) > 3, 'the case is not trivial'


def test_first_frame_refers_to_itself():
    found = detections(torch.Generator().manual_seed(0), 5)
    objects, _ = PCANTracker(init_score_thr=0.).match(found, TrackerState())
    assert objects.instances_id.tolist() == list(range(1, len(objects) + 1))
    assert objects.ref_feats is objects.mask_feats


def test_a_track_that_returns_keeps_its_id_and_its_features():
    tracker = PCANTracker(init_score_thr=0.1, obj_score_thr=0.)
    found = detections(torch.Generator().manual_seed(0), 1)
    objects, state = tracker.match(found, TrackerState())
    state = tracker.update(objects, 0, state)
    again = found[:]
    again.mask_feats = found.mask_feats + 1
    objects, state = tracker.match(again, state)
    assert objects.instances_id.tolist() == [1]
    torch.testing.assert_close(objects.ref_feats, found.mask_feats)
    state = tracker.update(objects, 8, state)
    torch.testing.assert_close(state.memory.fields['mask_feats'],
                               again.mask_feats)


def test_memory_of_a_track_is_as_computed_in_the_paper_s_code():
    tracker = PCANTracker(init_score_thr=0.)
    objects = detections(torch.Generator().manual_seed(0), 1)
    objects.scores[:] = 1.
    objects.embeds = torch.zeros(1, 256)
    objects.mask_feats = torch.zeros(1, 256, 14, 14)
    objects.mask_logits = torch.zeros(1, 8, 28, 28)
    objects, state = tracker.match(objects, TrackerState())
    fields = tracker.update(objects, 0, state).memory.fields
    size = sum(fields[key].nbytes for key in ('mask_feats', 'mask_logits'))
    assert size == 4 * (256 * 14 * 14 + 8 * 28 * 28)


def test_max_tracks_bounds_the_memory():
    tracker = PCANTracker(init_score_thr=0., match_score_thr=1., max_tracks=5)
    generator, state = torch.Generator().manual_seed(0), TrackerState()
    for t in range(6):
        objects, state = tracker.match(detections(generator, 4), state)
        state = tracker.update(objects, t, state)
        assert len(state.memory) <= 5
    assert state.num_tracks > 5


def test_refined_masks_can_be_remembered():
    tracker = PCANTracker(init_score_thr=0., memory_mask='refined')
    found = detections(torch.Generator().manual_seed(1), 4)
    objects, state = tracker.match(found, TrackerState())
    objects.refined_logits = torch.full((len(objects), 1, 6, 6), 7.)
    logits = tracker.update(objects, 0, state).memory.fields['mask_logits']
    for row, label in enumerate(objects.labels.tolist()):
        assert (logits[row, label] == 7).all()
        others = [c for c in range(3) if c != label]
        torch.testing.assert_close(logits[row, others],
                                   objects.mask_logits[row, others])


def test_prototypes_of_a_track_are_averaged():
    tracker = PCANTracker(
        init_score_thr=0., obj_score_thr=0., proto_momentum=0.75)
    found = detections(torch.Generator().manual_seed(0), 1)
    state = TrackerState()
    for t, value in enumerate([4., 8.]):
        objects, state = tracker.match(found, state)
        assert objects.ref_rows.tolist() == [t - 1]
        objects.pos_protos = torch.full((1, 2, 3), value)
        objects.neg_protos = torch.full((1, 2, 3), -value)
        state = tracker.update(objects, t, state)
    fields = state.memory.fields
    assert (fields['pos_protos'] == 5).all()
    assert (fields['neg_protos'] == -5).all()


@pytest.mark.parametrize('options, message', [
    (dict(match_metric='dot'), "tracker.match_metric='dot'"),
    (dict(memory_mask='both'), "tracker.memory_mask='both'"),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        PCANTracker(**options)
