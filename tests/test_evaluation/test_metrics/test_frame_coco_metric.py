import contextlib
import io
import json

import pytest
from mmengine.evaluator import Evaluator
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmvis_plugin.evaluation.functional.mots import CLASSES
from mmvis_plugin.registry import METRICS
from ..mots_cases import mots_maps, mots_videos


@pytest.fixture
def videos():
    return mots_videos(*mots_maps('a')[:2])


def evaluate(samples, num_videos, **kwargs):
    evaluator = Evaluator(
        METRICS.build(
            dict(
                type='FrameCocoMetric',
                metric='segm',
                proposal_nums=(1, 10, 100),
                **kwargs)))
    evaluator.dataset_meta = dict(classes=CLASSES)
    with contextlib.redirect_stdout(io.StringIO()):
        for sample in samples:
            evaluator.process([sample], None)
        return evaluator.evaluate(num_videos)


def text_rle(rle):
    counts = rle['counts']
    return dict(
        rle, counts=counts if isinstance(counts, str) else counts.decode())


def coco_stats(videos):
    """Return AP, AP50, AP75 of pycocotools over all frames."""
    frames = sum(videos, [])
    gt, dt = [], []
    for frame in frames:
        for item in frame.instances:
            gt.append(
                dict(
                    id=len(gt) + 1,
                    image_id=frame.img_id,
                    category_id=item['bbox_label'],
                    iscrowd=item['ignore_flag'],
                    area=1,
                    bbox=[0, 0, 1, 1],
                    segmentation=text_rle(item['mask'])))
        pred = frame.pred_track_instances
        for label, score, rle in zip(pred.labels, pred.scores, pred.masks):
            dt.append(
                dict(
                    image_id=frame.img_id,
                    category_id=int(label),
                    score=float(score),
                    segmentation=text_rle(rle)))
    coco = COCO()
    coco.dataset = dict(
        info={},
        images=[
            dict(id=f.img_id, height=f.ori_shape[0], width=f.ori_shape[1])
            for f in frames
        ],
        annotations=gt,
        categories=[dict(id=i, name=n) for i, n in enumerate(CLASSES)])
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        result = COCOeval(coco, coco.loadRes(dt), 'segm')
        result.evaluate()
        result.accumulate()
        result.summarize()
    return result.stats


@pytest.mark.parametrize('window', [None, 1, 3])
def test_mask_ap_in_every_mode(videos, to_samples, window):
    expected = coco_stats(videos)
    assert 0 < expected[0] < 1
    results = evaluate(to_samples(videos, window), len(videos))
    for key, value in zip(('mAP', 'mAP_50', 'mAP_75'), expected):
        # mmdet rounds
        assert results[f'coco/segm_{key}'] == pytest.approx(value, abs=5e-4)


def test_provisional_windows_count_once(videos, to_samples):
    whole = evaluate(to_samples(videos), len(videos))
    samples = to_samples(videos, 2, provisional=True)
    assert evaluate(samples, len(videos)) == whole


def test_detections_come_before_tracks(videos, to_samples):
    expected = evaluate(to_samples(videos), len(videos))
    for frame in sum(videos, []):
        frame.pred_instances = frame.pred_track_instances
        frame.pred_track_instances = frame.pred_track_instances[:0]
    assert evaluate(to_samples(videos), len(videos)) == expected


def test_frames_without_annotation_are_left_out(videos, to_samples):
    expected = evaluate(to_samples(videos[1:]), len(videos))
    for frame in videos[0]:
        frame.set_metainfo(dict(has_ann=False, instances=[]))
    assert evaluate(to_samples(videos), len(videos)) == expected


def test_predictions_are_needed(videos, to_samples):
    del videos[0][0].pred_track_instances
    with pytest.raises(ValueError, match='video 0, frame 0: neither'):
        evaluate(to_samples(videos), len(videos))


def test_a_data_set_without_annotations(videos, to_samples, tmp_path):
    for frame in sum(videos, []):
        frame.set_metainfo(dict(has_ann=False, instances=[]))
    with pytest.raises(ValueError, match='no frame is annotated'):
        evaluate(to_samples(videos), len(videos))
    prefix = str(tmp_path / 'out')
    results = evaluate(
        to_samples(videos, 2),
        len(videos),
        format_only=True,
        outfile_prefix=prefix)
    assert results == {}
    written = json.loads((tmp_path / 'out.segm.json').read_text())
    assert {item['image_id']
            for item in written} == {
                f.img_id
                for f in sum(videos, []) if len(f.pred_track_instances)
            }
