import pytest
import torch
from mmengine.model import BaseDataPreprocessor

from mmvis_plugin.models.hybrid_tracker.rgb_frame import rgb_frame
from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import fake_clips

NORM = dict(mean=[103.53, 116.28, 123.675], std=[58., 57., 56.])


@pytest.mark.parametrize(
    'options',
    [{}, NORM, dict(NORM, bgr_to_rgb=True),
     dict(bgr_to_rgb=True)])
def test_undoes_the_preprocessor(options):
    preprocessor = MODELS.build(
        dict(type='VideoDataPreprocessor', pad_size_divisor=32, **options))
    bgr = torch.randint(256, (2, 3, 50, 70), dtype=torch.uint8)
    _, samples = fake_clips([[[], []]])
    inputs = preprocessor(dict(inputs=[bgr], data_samples=samples))['inputs']
    assert inputs.shape == (1, 2, 3, 64, 96)
    rgb = rgb_frame(inputs[0], preprocessor, (50, 70))
    torch.testing.assert_close(rgb, bgr.flip(1).float(), rtol=0, atol=1e-4)


def test_without_preprocessor_frames_are_as_loaded():
    images = torch.rand(1, 3, 4, 5)
    found = rgb_frame(images, BaseDataPreprocessor(), (3, 5))
    assert torch.equal(found, images.flip(1)[:, :, :3])
