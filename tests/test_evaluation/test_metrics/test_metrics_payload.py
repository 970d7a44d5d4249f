"""What a metric keeps of a closed video is small."""
import gc
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.structures import encode_masks, write_panoptic_map
from .test_metrics_invariances import NAMES, build

SIZE = (32, 48)
DETECTIONS = 120  # of a class
# Bytes of a record for two classes with three objects each, whatever the
# length: 100 rows of IoU, score and area per class, or counters.
BOUNDS = dict(
    VISMetric=12e3,
    BoxTubeMetric=12e3,
    MOTSMetric=1500,
    VPQMetric=1500,
    STQMetric=2500)


@pytest.fixture(scope='module')
def parts(tmp_path_factory):
    """Return annotation and prediction of a frame; all frames are alike."""
    rng = np.random.default_rng(0)
    number = 2 * DETECTIONS
    ids = rng.permutation(np.arange(SIZE[0] * SIZE[1]) % number).reshape(SIZE)
    masks = encode_masks(ids == np.arange(number).reshape(-1, 1, 1))
    truth = encode_masks(ids // 40 == np.arange(6).reshape(-1, 1, 1))
    path = str(tmp_path_factory.mktemp('maps') / 'gt.png')
    write_panoptic_map(path, ids // 40 + 1)
    annotation = dict(
        seg_map_path=path,
        segments_info=[
            dict(
                id=i + 1,
                category=i % 2,
                iscrowd=0,
                area=int((ids // 40 == i).sum())) for i in range(6)
        ],
        instances=[
            dict(
                instance_id=i + 1, bbox_label=i % 2, bbox=[i, 0, 9, 9], mask=m)
            for i, m in enumerate(truth)
        ])
    tracks = InstanceData(
        instances_id=torch.arange(number) + 1,
        labels=torch.arange(number) % 2,
        scores=torch.rand(number, dtype=torch.float64),
        bboxes=torch.tensor([[0., 0., 9., 9.]]).repeat(number, 1),
        masks=masks)
    codes = torch.from_numpy(ids % 2 + 1000 * (ids + 1))[None]
    return annotation, tracks, codes


def frames(parts, video_id, length):
    """Yield the frames of a video, with masks of their own."""
    annotation, tracks, codes = parts
    for t in range(length):
        frame = DetDataSample(
            metainfo=dict(
                annotation,
                video_id=video_id,
                frame_id=t,
                ori_video_length=length,
                ori_shape=SIZE,
                has_ann=True))
        frame.pred_track_instances = tracks.clone()
        frame.pred_track_instances.masks = [
            dict(m, counts=bytes(bytearray(m['counts']))) for m in tracks.masks
        ]
        frame.pred_panoptic_seg = PixelData(sem_seg=codes.clone())
        yield frame


@pytest.mark.parametrize('name', NAMES)
def test_the_record_of_a_long_video(name, parts):
    sizes = []
    for length in (4, 300):
        metric = build(name)
        for frame in frames(parts, 1, length):
            metric.process(None, [frame.to_dict()])
        record, = metric.results
        sizes.append(len(pickle.dumps(record, protocol=2)))
    assert max(sizes) < BOUNDS[name]
    assert abs(sizes[1] - sizes[0]) < 100


@pytest.mark.parametrize('name', NAMES)
def test_memory_per_video(name, parts):

    def peak(num_videos):
        metric = build(name)
        gc.collect()
        tracemalloc.start()
        for video_id in range(num_videos):
            for frame in frames(parts, video_id, 3):
                metric.process(None, [frame.to_dict()])
            gc.collect()  # pycocotools leaves cycles
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    few, many = peak(2), peak(10)
    # masks of a video take 60 kB, maps of its segments 36 kB
    assert (many - few) / 8 < 1.5 * BOUNDS[name]
