import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmvis_plugin.evaluation import VPQMetric
from mmvis_plugin.evaluation.metrics.panoptic_metric import predicted_segments
from mmvis_plugin.utils.errors import AnnotationError
from ..panoptic_cases import panoptic_samples, write_ids


def test_segments_of_a_prediction():
    pred = np.array([[0, 1, 1001], [5001, 3, 1003], [255, 7255, 0]])
    ids, segments = predicted_segments(pred, [20, 10, 30], 'frame 0')
    assert ids.tolist() == [[1, 2, 1002], [5002, 0, 0], [0, 0, 1]]
    assert segments == [
        dict(id=1, category_id=20),
        dict(id=2, category_id=10),
        dict(id=1002, category_id=10),
        dict(id=5002, category_id=10)
    ]
    for value in (4, 1500, -1):
        with pytest.raises(
                ValueError, match=f'frame 0: predicted value {value}, exp'):
            predicted_segments(np.array([[0, value]]), [20, 10, 30], 'frame 0')
    # 255 is a class where there are so many
    many = predicted_segments(pred[2:], list(range(300)), 'frame 0')[1]
    assert [item['category_id'] for item in many] == [0, 255, 255]


@pytest.fixture
def case(tmp_path):
    """Return a metric and a frame that it takes."""
    videos, metainfo = panoptic_samples('vpq_cityscapes_a', tmp_path)
    metric = VPQMetric()
    metric.dataset_meta = metainfo
    return metric, videos[0][0]


def set_info(frame, **changes):
    info = [dict(segment) for segment in frame.segments_info]
    info[0].update(changes)
    frame.set_metainfo(dict(segments_info=info))


def set_map(frame, sem_seg):
    frame.pred_panoptic_seg = PixelData(sem_seg=sem_seg)


@pytest.mark.parametrize('change, error, message', [
    (lambda f: set_info(f, category=19), AnnotationError,
     r'0_0.png: segment \d+ has label 19, expected one of the 19 classes'),
    (lambda f: set_info(f, area=1), AnnotationError,
     r'0_0.png: segment \d+ has \d+ pixels, but its area is given as 1'),
    (lambda f: set_info(f, id=77), AnnotationError,
     r'0_0.png: ids \[\d+\] have pixels but are not'),
    (lambda f: f.set_metainfo(dict(seg_map_path=None)), ValueError,
     r"video 0 \(name0\), frame 0: metainfo 'seg_map_path' is missing"),
    (lambda f: f.set_metainfo(dict(segments_info=None)), ValueError,
     "frame 0: metainfo 'segments_info' is missing"),
    (lambda f: delattr(f, 'pred_panoptic_seg'), ValueError,
     'frame 0: pred_panoptic_seg is missing; the model'),
    (lambda f: set_map(f,
                       torch.zeros(1, 8, 8).long()), ValueError,
     r'frame 0: pred_panoptic_seg of size \(8, 8\), expected ori_shape'),
    (lambda f: set_map(f, torch.zeros(1, 64, 96)), ValueError,
     'frame 0: pred_panoptic_seg of type float32, expected int32 or int64'),
    (lambda f: set_map(f, torch.full((1, 64, 96), 20)), ValueError,
     'frame 0: predicted value 20, expected label'),
    (lambda f: write_ids(f.seg_map_path, np.zeros((4, 4), int)),
     AnnotationError, r'0_0.png: map of size \(4, 4\), expected \(64, 96\)'),
])
def test_messages(case, change, error, message):
    metric, frame = case
    change(frame)
    with pytest.raises(error, match=message):
        metric.process(None, [frame.to_dict()])


def test_metainfo_and_arrays(case):
    metric, frame = case
    data = frame.to_dict()
    # maps that are no tensors, and int32, are taken too
    sem_seg = frame.pred_panoptic_seg.sem_seg[0].numpy().astype(np.int32)
    video = type('Video', (), dict(name='v', next_frame=0, size=(64, 96)))
    one, two = (
        metric.reduce_frame(
            dict(data, pred_panoptic_seg=dict(sem_seg=item)), video)
        for item in (sem_seg, frame.pred_panoptic_seg.sem_seg))
    assert one.counts.tolist() == two.counts.tolist()
    del metric.dataset_meta['thing_classes']
    with pytest.raises(
            ValueError, match=r"VPQMetric: dataset_meta lacks \['thing_class"):
        metric.process(None, [data])
