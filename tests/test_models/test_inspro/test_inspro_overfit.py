"""Train on two clips until every object keeps one slot."""
import numpy as np
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmvis_plugin import testing
from mmvis_plugin.evaluation.functional import video_instance_ap
from mmvis_plugin.models.task_modules import PaddedGT
from mmvis_plugin.structures import RLETracks, encode_masks

HEIGHT, WIDTH = testing.SIZE
NUM_FRAMES = 5
# clip: id, class, first corner, step per frame, frames where it is visible
CLIPS = [
    [(1, 0, (4, 6), (12, 1), range(5)), (2, 1, (66, 36), (-9, 0), (0, 1, 4))],
    [(3, 1, (8, 34), (8, -4), range(5)), (4, 2, (60, 4), (-4, 6), (2, 3, 4))],
]
SIDE = 20


def draw_clip(objects, video_id):
    images = torch.zeros(NUM_FRAMES, 3, HEIGHT, WIDTH)
    sample, frames = TrackDataSample(), []
    for t in range(NUM_FRAMES):
        shown = [o for o in objects if t in o[4]]
        masks = np.zeros((len(shown), HEIGHT, WIDTH), np.uint8)
        boxes = np.zeros((len(shown), 4), np.float32)
        for row, (_, label, corner, step, _) in enumerate(shown):
            x, y = corner[0] + t * step[0], corner[1] + t * step[1]
            masks[row, y:y + SIDE, x:x + SIDE] = 1
            boxes[row] = x, y, x + SIDE, y + SIDE
            images[t, label, y:y + SIDE, x:x + SIDE] = 3.
        frame = DetDataSample(
            metainfo=dict(
                testing.fake_metainfo(t, NUM_FRAMES, video_id),
                ori_shape=testing.SIZE))
        frame.gt_instances = InstanceData(
            bboxes=torch.from_numpy(boxes),
            labels=torch.tensor([o[1] for o in shown]),
            instances_ids=torch.tensor([o[0] for o in shown]),
            masks=BitmapMasks(masks, HEIGHT, WIDTH))
        frames.append(frame)
    sample.video_data_samples = frames
    return images, sample


def ground_truth(samples):
    gt = dict(videos=[], categories=[dict(id=i + 1) for i in range(3)])
    gt['annotations'] = []
    for video_id, (sample, objects) in enumerate(zip(samples, CLIPS), 1):
        gt['videos'].append(
            dict(id=video_id, width=WIDTH, height=HEIGHT, length=NUM_FRAMES))
        tracks = RLETracks(HEIGHT, WIDTH)
        for frame in sample:
            objs = frame.gt_instances
            tracks.append(objs.instances_ids.tolist(),
                          encode_masks(objs.masks.masks))
        for track_id, label, *_ in objects:
            segmentations = tracks.segmentations(track_id)
            gt['annotations'].append(
                dict(
                    id=track_id,
                    video_id=video_id,
                    category_id=label + 1,
                    iscrowd=0,
                    segmentations=segmentations))
    return gt


def predictions(results):
    pred = []
    for video_id, result in enumerate(results, 1):
        tracks, about = RLETracks(HEIGHT, WIDTH), {}
        for frame in result:
            rows = frame.pred_track_instances
            ids = rows.instances_id.tolist()
            tracks.append(ids, rows.masks)
            about.update(
                zip(ids, zip(rows.labels.tolist(), rows.scores.tolist())))
        for track_id, (label, score) in about.items():
            pred.append(
                dict(
                    video_id=video_id,
                    category_id=label + 1,
                    score=score,
                    segmentations=tracks.segmentations(track_id)))
    return pred


def best_slots(model, sample, images):
    """Slots that overlap each object best, frame by frame."""
    gt = PaddedGT.from_samples([sample], 'cpu')
    state, found = model.init_state(sample[0].metainfo), {}
    for t, frame in enumerate(sample):
        output, state = model.step(images[t:t + 1], frame.metainfo, state)
        logits = output.logits[None, None]
        cost = model.roi_head.criterion.matcher.cost(logits,
                                                     output.boxes[None, None],
                                                     gt.labels[:,
                                                               t], gt.boxes[:,
                                                                            t],
                                                     gt.whwh[:, t])[0, 0]
        for column, track in enumerate(frame.gt_instances.instances_ids):
            slot = int(cost[:, column].argmin())
            found.setdefault(int(track), set()).add(slot)
    return found


def test_objects_keep_their_slots_through_absence(build):
    model = build(train=True, rpn_head__num_proposals=10, seed=3)
    clips = [draw_clip(c, i) for i, c in enumerate(CLIPS, 1)]
    inputs = torch.stack([images for images, _ in clips])
    samples = [sample for _, sample in clips]
    steps = 320
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        losses = model.loss(inputs, samples)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        results = model.predict(inputs, samples)
        for images, sample in clips:
            for track, slots in best_slots(model, sample, images).items():
                assert len(slots) == 1, f'object {track}: slots {slots}'
    scores = video_instance_ap(ground_truth(samples), predictions(results))
    assert scores['AP50'] > 0.9
