"""Fake clips, and the guarantees of online models as reusable checks.

Every system runs the same checks on a tiny model of its own::

    from mmvis_plugin import testing

    def test_windows_agree(model):
        testing.check_windows_agree(model)
"""
from dataclasses import fields, is_dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np
import pycocotools.mask as mask_utils
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

SIZE = (64, 96)


def fake_metainfo(frame_id: int,
                  length: int,
                  video_id: int = 1,
                  size: Tuple[int, int] = SIZE) -> dict:
    """Return the metainfo of one frame, with ``ori_shape`` twice ``size``."""
    return dict(
        img_id=1000 * video_id + frame_id,
        img_shape=size,
        ori_shape=(2 * size[0], 2 * size[1]),
        pad_shape=size,
        batch_input_shape=size,
        scale_factor=(0.5, 0.5),
        flip=False,
        frame_id=frame_id,
        video_id=video_id,
        video_name=f'video_{video_id}',
        video_length=length,
        ori_video_length=length,
        has_ann=True,
        instances=[])


def fake_objects(ids: Sequence[int],
                 num_classes: int,
                 rng: np.random.Generator,
                 size: Tuple[int, int] = SIZE) -> InstanceData:
    """Return rectangles with the given ids; the class is id mod classes."""
    height, width = size
    masks = np.zeros((len(ids), height, width), np.uint8)
    boxes = np.zeros((len(ids), 4), np.float32)
    for row in range(len(ids)):
        x, y = rng.uniform(0, width - 24), rng.uniform(0, height - 24)
        w, h = rng.uniform(12, 24, 2)
        boxes[row] = np.floor([x, y, x + w, y + h])
        x1, y1, x2, y2 = boxes[row].astype(int)
        masks[row, y1:y2, x1:x2] = 1
    return InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.tensor([i % num_classes for i in ids], dtype=torch.long),
        instances_ids=torch.tensor(list(ids), dtype=torch.int32),
        masks=BitmapMasks(masks, height, width))


def fake_clips(
        ids: Sequence[Sequence[Sequence[int]]],
        num_classes: int = 3,
        seed: int = 0,
        size: Tuple[int, int] = SIZE) -> Tuple[Tensor, List[TrackDataSample]]:
    """Return inputs and samples of clips with the given object ids.

    Args:
        ids (Sequence): ``ids[b][t]`` lists the objects of frame ``t`` of
            clip ``b``; all clips have the same number of frames.
        num_classes (int): Number of classes. Defaults to 3.
        seed (int): Of images and boxes. Defaults to 0.
        size (tuple[int, int]): Height and width of the input.

    Returns:
        tuple[Tensor, list[TrackDataSample]]: Inputs ``(B, T, 3, H, W)`` and
        one sample per clip.
    """
    rng = np.random.default_rng(seed)
    samples = []
    for video_id, clip in enumerate(ids, 1):
        frames = []
        for frame_id, objects in enumerate(clip):
            frame = DetDataSample(
                metainfo=fake_metainfo(frame_id, len(clip), video_id, size))
            frame.gt_instances = fake_objects(objects, num_classes, rng, size)
            frames.append(frame)
        sample = TrackDataSample()
        sample.video_data_samples = frames
        samples.append(sample)
    inputs = rng.normal(size=(len(ids), len(ids[0]), 3, *size))
    return torch.from_numpy(inputs).float(), samples


def add_panoptic_maps(samples: Sequence[TrackDataSample],
                      num_things: int) -> None:
    """Add ``gt_panoptic_seg`` to fake clips: their objects before two regions.

    The upper half of a frame is the first class of stuff, the lower one the
    second; the first row is void. Objects are numbered by their id.

    Args:
        samples (Sequence[TrackDataSample]): Of :func:`fake_clips` with
            ``num_things`` classes; changed in place.
        num_things (int): Label of the first class of stuff.
    """
    for frame in (frame for sample in samples for frame in sample):
        objects = frame.gt_instances
        masks = torch.from_numpy(objects.masks.masks).bool()
        ids = torch.full(masks.shape[1:], 1001, dtype=torch.int32)
        ids[len(ids) // 2:] = 1002
        segments = [
            dict(id=1001 + i, category=num_things + i, is_thing=False)
            for i in range(2)
        ]
        for mask, number, label in zip(masks, objects.instances_ids.tolist(),
                                       objects.labels.tolist()):
            ids[mask] = number
            segments.append(dict(id=number, category=label, is_thing=True))
        ids[0] = 0
        frame.gt_panoptic_seg = PixelData(
            pan_seg=ids[None], metainfo=dict(segments_info=segments))


def predict_in_windows(model: torch.nn.Module, inputs: Tensor,
                       sample: TrackDataSample,
                       window: int) -> TrackDataSample:
    """Predict ``(1, T, 3, H, W)`` in windows; return the last result.

    Raises:
        AssertionError: If a window loses a frame or is wrongly final.
    """
    for start in range(0, len(sample), window):
        part = TrackDataSample()
        part.video_data_samples = sample[start:start + window]
        result = model.predict(inputs[:, start:start + window], [part])[0]
        is_last = start + window >= len(sample)
        assert result.get('provisional', False) != is_last
        assert len(result) == (len(sample) if is_last else len(part))
    return result


def assert_same_results(one: TrackDataSample,
                        two: TrackDataSample,
                        atol: float = 1e-4) -> None:
    """Fail unless ids and labels are equal, scores, boxes and masks close.

    A pixel whose probability is at the threshold may go either way: of the
    pixels of a frame 0.1 % may differ, those of panoptic maps as well.
    """
    assert len(one) == len(two)
    for a, b in zip(one, two):
        if 'pred_panoptic_seg' in a:
            a, b = (x.pred_panoptic_seg.sem_seg for x in (a, b))
            assert (a != b).float().mean() <= 1e-3
            continue
        a, b = a.pred_track_instances, b.pred_track_instances
        assert a.instances_id.tolist() == b.instances_id.tolist()
        assert a.labels.tolist() == b.labels.tolist()
        torch.testing.assert_close(a.scores, b.scores, atol=atol, rtol=0)
        torch.testing.assert_close(a.bboxes, b.bboxes, atol=500 * atol, rtol=0)
        assert ('masks' in a) == ('masks' in b)
        for mask_a, mask_b in zip(a.get('masks', []), b.get('masks', [])):
            differ = mask_utils.decode(mask_a) != mask_utils.decode(mask_b)
            assert differ.mean() <= 1e-3


def check_windows_agree(
    model: torch.nn.Module,
    num_frames: int = 5,
    windows: Sequence[int] = (1, 2, 5)) -> None:
    """Guarantee 1: windows of any length give the whole-video result."""
    inputs, samples = fake_clips([[[]] * num_frames])
    with torch.no_grad():
        whole = model.predict(inputs, samples)[0]
        assert sum(_num_objects(frame) for frame in whole) > 0
        for window in windows:
            found = predict_in_windows(model, inputs, samples[0], window)
            assert_same_results(whole, found)


def _num_objects(frame: DetDataSample) -> int:
    if 'pred_panoptic_seg' in frame:
        # values with an identity
        return int((frame.pred_panoptic_seg.sem_seg.unique() >= 1000).sum())
    return len(frame.pred_track_instances)


def check_videos_are_independent(model: torch.nn.Module,
                                 num_frames: int = 3) -> None:
    """Guarantee 2: no video is touched by another one.

    Neither when it follows, nor when two states are stepped in turn.
    """
    inputs, samples = fake_clips([[[]] * num_frames] * 2)
    metas = [[frame.metainfo for frame in sample] for sample in samples]
    with torch.no_grad():
        alone = model.predict(inputs[1:], samples[1:])[0]
        both = model.predict(inputs, samples)
        assert_same_results(alone, both[1])
        states = [model.init_state(meta[0]) for meta in metas]
        outputs = [[], []]
        for t in range(num_frames):
            for v in range(2):
                output, states[v] = model.step(inputs[v, t:t + 1], metas[v][t],
                                               states[v])
                outputs[v].append(output)
        for v in range(2):
            assert_same_results(both[v], model.finish(outputs[v], states[v]))


def nbytes(value: Any) -> int:
    """Count the bytes of the tensors, arrays and strings inside a value."""
    if isinstance(value, Tensor):
        return value.untyped_storage().nbytes()
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (str, bytes)):
        return len(value)
    if is_dataclass(value):
        return sum(nbytes(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, dict):
        return sum(nbytes(v) for v in value.values())
    if isinstance(value, (list, tuple, set)):
        return sum(nbytes(v) for v in value)
    return nbytes(vars(value)) if hasattr(value, '__dict__') else 0


def check_state_is_bounded(model: torch.nn.Module,
                           warm_up: int = 20,
                           num_frames: int = 60) -> None:
    """Guarantee 3: after warm-up the state of a stream keeps its size."""
    inputs, _ = fake_clips([[[]]])
    meta = fake_metainfo(0, 1)
    with torch.no_grad():
        state = model.init_state(meta)
        for t in range(num_frames):
            _, state = model.step(inputs[0], dict(meta, frame_id=t), state)
            if t == warm_up:
                size = nbytes(state)
    assert 0 < nbytes(state) <= 1.05 * size


def check_nothing_is_dropped(model: torch.nn.Module) -> None:
    """Guarantee 4: every frame of every video of a batch has a result."""
    inputs, samples = fake_clips([[[]] * 3] * 2)
    with torch.no_grad():
        results = model.predict(inputs, samples)
    assert len(results) == 2
    for sample, result in zip(samples, results):
        assert [f.frame_id for f in result] == [f.frame_id for f in sample]
        assert all(
            'pred_track_instances' in frame or 'pred_panoptic_seg' in frame
            for frame in result)


def check_masks_are_rle(model: torch.nn.Module) -> None:
    """Guarantee 5: masks that outlive their frame are RLE.

    Of panoptic maps: what is kept takes less than a byte per pixel.
    """
    inputs, samples = fake_clips([[[]] * 2])
    with torch.no_grad():
        output, state = model.step(inputs[:, 0], samples[0][0].metainfo,
                                   model.init_state(samples[0][0].metainfo))
        shown = model.online_result(output, state)
        if 'pred_panoptic_seg' in shown:
            kept = nbytes(output) - nbytes(output.metainfo)
            assert kept < shown['pred_panoptic_seg'].sem_seg.numel()
            return
        result = model.predict(inputs, samples)[0]
    for frame in result:
        masks = frame.pred_track_instances.masks
        assert isinstance(masks, list)
        assert all(list(m['size']) == list(frame.ori_shape) for m in masks)


def check_losses_are_finite(model: torch.nn.Module,
                            ids: Sequence[Sequence[Sequence[int]]],
                            num_classes: int = 3) -> dict:
    """Train one step on clips; every trainable parameter gets a gradient.

    Args:
        model (nn.Module): In training mode.
        ids (Sequence): See :func:`fake_clips`.
        num_classes (int): Number of classes. Defaults to 3.

    Returns:
        dict[str, Tensor]: The losses.
    """
    inputs, samples = fake_clips(ids, num_classes)
    model.zero_grad()
    losses = model.loss(inputs, samples)
    total = sum(value for key, value in losses.items() if 'loss' in key)
    total.backward()
    for key, value in losses.items():
        assert torch.isfinite(value).all(), f'{key} is {value}'
    for name, param in model.named_parameters():
        if param.requires_grad:
            assert param.grad is not None, f'{name} has no gradient'
            assert torch.isfinite(param.grad).all(), f'{name}: not finite'
    return losses
