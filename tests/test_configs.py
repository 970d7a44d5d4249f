"""Every shipped config takes one training and one test step."""
import pytest
import torch
from mmdet.structures import TrackDataSample
from mmengine.registry import DefaultScope

import mmvis_plugin  # noqa: F401
from .recipe_steps import fake_batch, is_panoptic, take_steps
from .recipes import RECIPES, ROOT, SEGMENTERS, load


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture(scope='module', params=SEGMENTERS)
def name(request):
    """Name each recipe; its tests follow one another and share their steps."""
    return request.param


def test_one_step_of_training(name):
    done = take_steps(name)
    if load(name).train_cfg is None:
        assert not done.losses
        return
    assert any('loss' in key for key in done.losses)
    for key, value in done.losses.items():
        levels = value if isinstance(value, list) else [value]
        assert all(torch.isfinite(part).all() for part in levels), key
    assert done.reached == done.trainable
    assert done.changed and done.changed <= done.trainable


def test_one_step_of_testing(name):
    results = take_steps(name).results
    _, samples = fake_batch(load(name))
    assert len(results) == len(samples)
    for sample, result in zip(samples, results):
        if isinstance(sample, TrackDataSample):
            assert len(result) == len(sample)
            if is_panoptic(load(name)):
                assert all(frame.pred_panoptic_seg.sem_seg.shape[1:] ==
                           frame.ori_shape for frame in result)
                continue
            found = [frame.pred_track_instances for frame in result]
        else:
            found = [result.pred_instances]
            assert found[0].masks.shape[1:] == sample.ori_shape
        for frame in found:
            assert len(frame.scores) == len(frame.bboxes)
            assert len(frame.get('masks', frame.scores)) == len(frame.scores)


def test_every_system_has_tests_of_its_recipes():
    systems = {name.split('/')[1] for name in RECIPES}
    for system in systems:
        assert (ROOT / f'tests/test_configs_{system}.py').is_file(), system
