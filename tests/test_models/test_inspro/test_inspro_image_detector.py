import copy

import pytest
import torch
from mmengine.config import Config

from mmvis_plugin import testing
from mmvis_plugin.registry import MODELS


@pytest.fixture
def pair(build):
    """A video model without bank and the image detector, equal weights."""
    video = build(roi_head__intra_query=None)
    cfg = Config(dict(model=copy.deepcopy(build.cfg)))
    cfg.merge_from_dict({
        'model.type': 'InsProImageDetector',
        'model.data_preprocessor.type': 'DetDataPreprocessor',
        'model.roi_head.intra_query': None,
        'model.test_cfg.max_per_video': 7,
    })
    image = MODELS.build(cfg.model).eval()
    image.load_state_dict(video.state_dict())
    return video, image


def test_losses_equal_those_of_clips_of_one_frame(pair):
    video, image = pair
    inputs, samples = testing.fake_clips([[[1, 2]], [[]], [[3]]])
    expected = video.loss(inputs, samples)
    found = image.loss(inputs[:, 0], [sample[0] for sample in samples])
    assert found.keys() == expected.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key])


def test_predicts_what_the_video_model_sees_on_its_first_frame(pair):
    video, image = pair
    inputs, samples = testing.fake_clips([[[]], [[]]])
    with torch.no_grad():
        detected = image.predict(inputs[:, 0], [s[0] for s in samples])
        for frame, sample, result in zip(inputs, samples, detected):
            state = video.init_state(sample[0].metainfo)
            output, _ = video.step(frame, sample[0].metainfo, state)
            pred = result.pred_instances
            assert len(pred) == 7
            probs = output.logits.sigmoid().flatten().sort(
                descending=True).values
            torch.testing.assert_close(pred.scores, probs[:7])
            assert pred.masks.dtype == torch.bool
            assert pred.masks.shape[1:] == sample[0].ori_shape


def test_a_bank_is_refused(build):
    cfg = Config(dict(model=copy.deepcopy(build.cfg)))
    cfg.model.type = 'InsProImageDetector'
    with pytest.raises(ValueError, match='intra_query must be None'):
        MODELS.build(cfg.model)


def test_tensor_mode_returns_all_stages(pair):
    _, image = pair
    inputs, _ = testing.fake_clips([[[]], [[]]])
    with torch.no_grad():
        logits, boxes, params = image(inputs[:, 0], mode='tensor')
    assert logits.shape == (2, 3, 8, 3)
    assert boxes.shape == (2, 3, 8, 4)
    assert params.shape == (2, 3, 8, 169)
