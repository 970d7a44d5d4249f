"""Losses of CAVIS loop over frames and layers, never over objects."""
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmvis_plugin import testing
from mmvis_plugin.models.cavis import surrounding_features
from mmvis_plugin.models.losses import (embedding_contrastive_loss,
                                        prototype_contrastive_loss)

REF = dict(online=dict(loss_ref=dict(type='ReferenceContrastiveLoss')))


class Operations(TorchDispatchMode):
    """Counts operations and notes the largest tensor that one makes."""

    def __init__(self):
        super().__init__()
        self.count = self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.count += 1
        if isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


def contrast(objects, frames):
    embeds = torch.randn(objects * frames, 8, requires_grad=True)
    ids = torch.arange(objects).repeat(frames)
    sum(embedding_contrastive_loss(embeds, ids)).backward()


def contrast_prototypes(objects, frames):
    features = torch.randn(1, frames, 8, 4, 6, requires_grad=True)
    masks = torch.rand(objects, frames, 16, 24) > 0.5
    sum(prototype_contrastive_loss(features, [masks])).backward()


def surround(objects, frames):
    features = torch.randn(frames, 8, 12, 16, requires_grad=True)
    masks = torch.randn(frames, objects, 12, 16)
    surrounding_features(features, masks).sum().backward()


@pytest.mark.parametrize('function', [contrast, contrast_prototypes, surround])
def test_more_objects_and_frames_are_no_more_operations(function):
    with Operations() as few:
        function(2, 2)
    with Operations() as many:
        function(12, 7)
    assert few.count == many.count > 10


@pytest.mark.parametrize('stage', ['segmenter', 'online', 'offline'])
def test_more_objects_in_a_clip_are_no_more_operations(build, stage):
    model = build(stage, train=True, **REF.get(stage, {}))
    counts = []
    for objects in ([1, 2], [1, 2, 3, 4, 5, 6]):
        clips = testing.fake_clips([[objects] * 3])
        with Operations() as operations:
            model.loss(*clips)
        counts.append(operations.count)
    assert counts[0] == counts[1] > 100


def test_contrast_has_no_triples():
    with Operations() as operations:
        contrast(40, 5)
    assert operations.largest == 200 * 200
