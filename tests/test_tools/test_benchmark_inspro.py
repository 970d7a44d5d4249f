import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet.structures import TrackDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import fake_metainfo

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
TINY = ROOT / 'configs/_base_/models/inspro_r18_fpn_tiny.py'


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location(
        'benchmark_inspro', TOOLS / 'benchmark_inspro.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module


def options(*words, tool, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['benchmark_inspro.py', *words])
    return tool.parse_args()


def test_frames_are_loaded_as_by_the_preprocessor(tool):
    image = torch.randint(0, 256, (3, 50, 70), dtype=torch.uint8)
    got = tool.load_image(image, torch.device('cpu'), torch.contiguous_format)
    preprocessor = MODELS.build(Config.fromfile(TINY).model.data_preprocessor)
    data = preprocessor(
        dict(inputs=[image[None]], data_samples=[TrackDataSample()]))
    torch.testing.assert_close(got, data['inputs'][:, 0])


def test_stream_of_inspro_gives_logits_of_the_best_slots(tool):
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(TINY).model).eval()
    meta = fake_metainfo(0, 2)
    inputs = torch.randn(1, 3, 64, 96)
    stream = tool.InsProStream(model, meta, num_masks=4)
    with torch.no_grad():
        first, masks = stream(inputs)
        second, _ = stream(inputs)
        expected, state = model.step(inputs, meta, model.init_state(meta))
        after, _ = model.step(inputs, meta, state)
    stride = model.roi_head.mask_head.out_stride
    assert masks.shape == (1, 4, 64 // stride, 96 // stride)
    assert torch.equal(first.logits, expected.logits)
    assert torch.equal(second.logits, after.logits)  # the state is carried


def test_stream_of_masktrack_rcnn_equals_its_predict(tool):
    torch.manual_seed(0)
    cfg = tool.masktrack_rcnn_cfg(max_per_img=5)
    cfg.detector.backbone.depth = 18
    cfg.detector.neck.in_channels = [64, 128, 256, 512]
    model = MODELS.build(cfg).eval()
    meta = dict(fake_metainfo(0, 2), ori_shape=(64, 96), scale_factor=(1., 1.))
    inputs = torch.randn(1, 2, 3, 64, 96)
    with torch.no_grad():
        stream = tool.MaskTrackStream(model, meta)
        got = [stream(inputs[:, t]) for t in range(2)]
        sample = TrackDataSample()
        sample.video_data_samples = [
            tool.DetDataSample(metainfo=dict(meta, frame_id=t))
            for t in range(2)
        ]
        expected = model.predict(inputs, [sample])[0]
    for ours, frame in zip(got, expected):
        theirs = frame.pred_track_instances
        assert len(ours) == len(theirs.bboxes) > 0
        assert ours.instances_id.tolist() == theirs.instances_id.tolist()
        torch.testing.assert_close(ours.bboxes, theirs.bboxes)
        assert ours.masks.shape[1:] == (28, 28)


@pytest.mark.parametrize('masktrack, lite, code', [(1.6, 0.8, None),
                                                   (1.4, 0.8, 1),
                                                   (1.6, 0.9, 1)])
def test_check_judges_the_medians(tool, capsys, masktrack, lite, code):
    times = {
        'InsPro': [100., 110., 90.],
        'InsPro-lite': [100 * lite, 300., 50.],
        'MaskTrack R-CNN, 100 masks': [100 * masktrack, 900., 50.],
        'MaskTrack R-CNN, 10 masks': [90., 90., 90.]
    }
    args = SimpleNamespace(
        device=torch.device('cpu'),
        threads=1,
        clock='wall',
        repeats=3,
        frames=10,
        key_interval=10,
        fuse_conv_bn=False,
        channels_last=False,
        check=True)
    if code is None:
        tool.report(times, args)
    else:
        with pytest.raises(SystemExit) as error:
            tool.report(times, args)
        assert error.value.code == code
    out = capsys.readouterr().out
    assert f'{masktrack:6.2f} (0.56 ... 8.18)' in out
    assert '  0.90 (0.82 ... 1.00)' in out
    assert 'no whole number' not in out


def test_partial_key_intervals_are_named(tool, monkeypatch, capsys):
    args = options(
        '--frames',
        '25',
        '--device',
        'cpu',
        tool=tool,
        monkeypatch=monkeypatch)
    assert (args.warmup, args.repeats, args.threads) == (2, 5, 2)
    names = ('InsPro', 'InsPro-lite', 'MaskTrack R-CNN')
    tool.report({name: [1.] for name in names}, args)
    assert '25 frames are no whole number of key intervals of 10' in (
        capsys.readouterr().out)
