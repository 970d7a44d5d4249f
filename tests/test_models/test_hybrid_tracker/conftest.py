"""Stubs of what HybridTracker is made of, and tiny models."""
import pytest
import torch
from mmengine.structures import PixelData
from torch import nn

from mmvis_plugin import testing
from mmvis_plugin.models.hybrid_tracker import FlowSource, HybridTracker
from mmvis_plugin.registry import MODELS

NUM_THINGS, NUM_CLASSES = 2, 4


class StubSegmentor(nn.Module):
    """Two classes of things, two of stuff; counts its calls."""

    num_things_classes, num_stuff_classes = NUM_THINGS, 2

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1)
        self.num_calls = 0

    def predict(self, inputs, samples, rescale=True):
        self.num_calls += len(inputs)
        feats = self.conv(inputs[..., ::4, ::4])
        for image, sample, feat in zip(inputs, samples, feats):
            pan = self.pan_map(image, feat, sample.metainfo)
            sample.pred_panoptic_seg = PixelData(sem_seg=pan[None])
        return samples


class StubScript(StubSegmentor):
    """Predicts given maps."""

    def __init__(self, maps):
        super().__init__()
        self.maps = maps

    def pan_map(self, image, feat, meta):
        return torch.as_tensor(self.maps[meta['frame_id']])


@MODELS.register_module()
class StubBoxes(StubSegmentor):
    """Draws rectangles where the pixels of the frame say."""

    def pan_map(self, image, feat, meta):
        height, width = meta['ori_shape']
        pan = torch.full((height, width), 2)
        pan[height // 2:] = 3
        draws = (image[:, :4, :4].flatten().abs() * 1e4).long()
        for k in range(int(draws[0]) % 5 + 1):
            row, column, label = draws[3 * k + 1:3 * k + 4].tolist()
            row, column = row % (height - 20), column % (width - 30)
            pan[row:row + 20, column:column + 30] = 1000 * (k + 1) + label % 2
        return pan


@MODELS.register_module()
class StubFlow(FlowSource):
    """The same shift per frame everywhere; counts its calls."""

    def __init__(self, shift=(0, 0)):
        super().__init__()
        self.shift = shift
        self.calls = []

    def encode(self, img, metainfo):
        return metainfo['frame_id'], img.shape[-2:]

    def flow(self, first, second):
        self.calls.append((first[0], second[0]))
        flow = torch.tensor(self.shift).float() * (second[0] - first[0])
        return flow.view(1, 2, 1, 1).expand(1, 2, *first[1])


VARIANTS = dict(
    instance=dict(flow=None, fusion=dict(weights=(1, 0), fixed=True)),
    pixel=dict(instance_head=None, fusion=dict(weights=(0, 1), fixed=True)),
    hybrid=dict(),
    forward=dict(test_cfg=dict(temporal='forward')),
    none=dict(test_cfg=dict(temporal='none')),
    best_row=dict(test_cfg=dict(temporal='none', mutual=False)))


@pytest.fixture
def build():
    """Return a function that builds a tiny model in evaluation mode."""

    def build_model(variant='hybrid', **kwargs):
        torch.manual_seed(0)
        head = dict(
            type='InstanceTrackHead', in_features=98, fc_channels=(32, 16))
        head.update(canvas_size=(64, 128), roi_size=(7, 14))
        parts = dict(
            segmentor=dict(type='StubBoxes'),
            instance_head=head,
            flow=dict(type='StubFlow'))
        model = HybridTracker(**{**parts, **VARIANTS[variant], **kwargs})
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.3)
        return model.eval()

    return build_model


@pytest.fixture
def run():
    """Return a function that predicts frames of given maps."""

    def run_model(model, maps, video_id=1):
        model.segmentor = StubScript(maps)
        size = tuple(torch.as_tensor(maps[0]).shape)
        _, (sample, ) = testing.fake_clips([[[]] * len(maps)], size=size)
        for frame in sample:
            frame.set_metainfo(
                dict(ori_shape=size, scale_factor=(1., 1.), video_id=video_id))
        with torch.no_grad():
            result, = model.predict(
                torch.zeros(1, len(maps), 3, *size), [sample])
        return [frame.pred_panoptic_seg.sem_seg[0] for frame in result]

    return run_model
