"""The frame-by-frame contract, and that its checks can fail."""
from dataclasses import dataclass

import pytest
import torch
from mmdet.structures import TrackDataSample
from mmengine.structures import InstanceData
from torch import nn

from mmvis_plugin import testing
from mmvis_plugin.models.online_video_model import (FrameOutput,
                                                    OnlineVideoModel,
                                                    as_track_sample)
from mmvis_plugin.structures import encode_masks


@dataclass
class Seen(FrameOutput):
    """The running mean of a frame."""
    value: torch.Tensor


class RunningMean(OnlineVideoModel):
    """One track whose score is the mean of all pixels seen so far."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.weight = nn.Parameter(torch.ones(1))

    def loss(self, inputs, data_samples, **kwargs) -> dict:
        return dict(loss=(inputs.mean() * self.weight).sum())

    def encode(self, inputs) -> tuple:
        return (inputs.flatten(1).mean(1, keepdim=True) * self.weight, )

    def init_state(self, metainfo) -> torch.Tensor:
        return torch.zeros(2)

    def advance(self, feats, metainfo, state) -> tuple:
        state = state + torch.stack([feats[0][0, 0], torch.tensor(1.)])
        return Seen(metainfo, state[0] / state[1]), state

    def online_result(self, output, state) -> InstanceData:
        mask = torch.ones(1, *output.metainfo['ori_shape'], dtype=torch.bool)
        return InstanceData(
            instances_id=torch.tensor([0]),
            labels=torch.tensor([0]),
            scores=output.value.reshape(1),
            bboxes=torch.zeros(1, 4),
            masks=encode_masks(mask))

    def finish(self, outputs, state) -> TrackDataSample:
        return as_track_sample([o.metainfo for o in outputs],
                               [self.online_result(o, state) for o in outputs])


class Forgetful(RunningMean):
    """Starts anew with every window."""

    def predict(self, inputs, data_samples=None, **kwargs):
        results = super().predict(inputs, data_samples)
        if self._video is not None:
            self._video.state = self.init_state({})
        return results


class Shared(RunningMean):
    """Keeps the state in the model."""

    total = torch.zeros(2)

    def advance(self, feats, metainfo, state) -> tuple:
        output, type(self).total = super().advance(feats, metainfo, self.total)
        return output, self.total


class Hoarder(RunningMean):
    """Keeps every frame in the state."""

    def init_state(self, metainfo) -> list:
        return [torch.zeros(2)]

    def advance(self, feats, metainfo, state) -> tuple:
        output, new = super().advance(feats, metainfo, state[-1])
        return output, [*state, new]


class Dropper(RunningMean):
    """Loses the last frame."""

    def finish(self, outputs, state) -> TrackDataSample:
        return super().finish(outputs[:-1], state)


class Dense(RunningMean):
    """Returns masks as tensors."""

    def online_result(self, output, state) -> InstanceData:
        result = super().online_result(output, state)
        del result.masks
        result.masks = torch.ones(1, *output.metainfo['ori_shape'])
        return result


CHECKS = [
    (testing.check_windows_agree, Forgetful),
    (testing.check_videos_are_independent, Shared),
    (testing.check_state_is_bounded, Hoarder),
    (testing.check_nothing_is_dropped, Dropper),
    (testing.check_masks_are_rle, Dense),
]


@pytest.mark.parametrize('check, _', CHECKS)
@pytest.mark.parametrize('feat_chunk', [1, 4])
def test_the_guarantees_hold(check, _, feat_chunk):
    check(RunningMean(feat_chunk=feat_chunk))


@pytest.mark.parametrize('check, broken', CHECKS)
def test_a_broken_model_is_found(check, broken):
    with pytest.raises(AssertionError):
        check(broken())


def test_results_are_those_of_the_past():
    inputs, samples = testing.fake_clips([[[]] * 3])
    result = RunningMean().predict(inputs, samples)[0]
    means = inputs[0].flatten(1).mean(1)
    for t, frame in enumerate(result):
        score = frame.pred_track_instances.scores.item()
        assert score == pytest.approx(means[:t + 1].mean().item())


def part(sample, *frames):
    """Return some frames of a sample."""
    window = TrackDataSample()
    window.video_data_samples = [sample[t] for t in frames]
    return window


@pytest.mark.parametrize('frames, text', [
    ((1, 2), 'begins with frame 1, expected frame 0'),
    ((0, 2), 'frame 2 follows frame 0, expected frame 1'),
    ((0, 1, 1), 'frame 1 follows frame 1, expected frame 2'),
])
def test_frames_out_of_order(frames, text):
    inputs, samples = testing.fake_clips([[[]] * 3])
    with pytest.raises(ValueError, match=text) as info:
        RunningMean().predict(inputs[:, list(frames)],
                              [part(samples[0], *frames)])
    assert '\n' not in str(info.value)


def test_another_video_in_between():
    inputs, samples = testing.fake_clips([[[]] * 3] * 2)
    model = RunningMean()
    model.predict(inputs[:1, :1], [part(samples[0], 0)])
    model.predict(inputs[1:, :1], [part(samples[1], 0)])
    with pytest.raises(ValueError, match='without another video in between'):
        model.predict(inputs[:1, 1:2], [part(samples[0], 1)])


def test_feat_chunk_has_to_be_positive():
    with pytest.raises(ValueError, match='feat_chunk must be >= 1'):
        RunningMean(feat_chunk=0)


def test_frozen_modules_stay_in_evaluation_mode():

    class PartlyFrozen(RunningMean):

        def __init__(self):
            super().__init__()
            self.fixed, self.free = nn.Linear(1, 1), nn.Linear(1, 1)
            self.freeze_parameters()

        def frozen_modules(self):
            return [self.fixed]

    model = PartlyFrozen().train()
    assert model.training and model.free.training
    assert not model.fixed.training
    assert all(p.requires_grad for p in model.free.parameters())
    assert not any(p.requires_grad for p in model.fixed.parameters())
    assert not model.train(False).free.training
    assert RunningMean().frozen_modules() == []
