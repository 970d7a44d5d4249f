import pytest
import torch
from mmengine.runner import load_checkpoint, load_state_dict, save_checkpoint

from mmvis_plugin import testing
from mmvis_plugin.models.cavis import StageRecord
from mmvis_plugin.models.cavis.stage_record import STAGES, stage_code


@pytest.mark.parametrize('found, stage',
                         [(a, b) for a in STAGES for b in STAGES])
def test_what_may_be_loaded_and_what_may_be_tested(found, stage):
    record, rank = StageRecord(stage), STAGES.index
    weights = StageRecord(found).state_dict()
    if rank(found) < rank(stage) - 1:
        with pytest.raises(ValueError, match='online.* first') as info:
            load_state_dict(record, weights)
        assert '\n' not in str(info.value)
        return
    load_state_dict(record, weights, strict=True)
    assert STAGES[record.code] == stage
    if rank(found) < rank(stage):
        with pytest.raises(ValueError, match=f'expected weights of {stage!r}'):
            record.check_testable()
        record.trained()
    record.check_testable()


def test_weights_without_a_record_pass():
    record = StageRecord('online')
    record.check_testable()
    load_state_dict(record, {}, strict=True)
    record.check_testable()


def test_weights_of_images_start_the_segmenter_alone():
    weights = dict(code=stage_code('image'))
    for stage in STAGES[1:]:
        with pytest.raises(
                ValueError, match=r"'image'.* train stage .* first"):
            load_state_dict(StageRecord(stage), dict(weights))
    record = StageRecord('segmenter')
    load_state_dict(record, dict(weights), strict=True)
    assert record.code == stage_code('segmenter') == 0
    with pytest.raises(ValueError, match='train that stage from them$'):
        record.check_testable()
    record.trained()
    record.check_testable()


def test_checkpoints_of_models(build, tmp_path):
    paths = {}
    for stage in STAGES:
        paths[stage] = str(tmp_path / f'{stage}.pth')
        save_checkpoint(
            dict(state_dict=build(stage).state_dict()), paths[stage])
    with pytest.raises(ValueError, match="train stage 'online' first"):
        load_checkpoint(build('offline'), paths['segmenter'])

    model = build('online', train=True)
    load_checkpoint(model, paths['segmenter'])
    inputs, samples = testing.fake_clips([[[1], [1]]])
    with pytest.raises(ValueError, match="a config of stage 'segmenter'"):
        model.predict(inputs, samples)
    model.loss(inputs, samples)
    with torch.no_grad():
        assert len(model.eval().predict(inputs, samples)[0]) == 2

    # weights of a later stage hold those of the stage
    model = build('online')
    load_checkpoint(model, paths['offline'])
    model.predict(inputs, samples)
