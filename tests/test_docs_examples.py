"""Commands and Python blocks of the pages work as they are printed."""
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis
from mmvis_plugin.registry import HOOKS, MODELS
from mmvis_plugin.visualization import VideoVisualizer

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs/en'
# as little as shows that a command works
SHORT = [
    'train_cfg.max_iters=2', 'train_cfg.val_interval=9',
    'train_cfg.val_begin=9', 'param_scheduler.total_steps=2',
    'default_hooks.checkpoint.interval=2', 'default_hooks.logger.interval=1',
    'log_processor.window_size=1', 'train_dataloader.batch_size=1',
    *(f'{split}_dataloader.{key}' for split in ('train', 'val', 'test')
      for key in ('num_workers=0', 'persistent_workers=False'))
]


def blocks(page, language):
    """Return the code blocks of a page."""
    text = (DOCS / page).read_text(encoding='utf-8')
    return re.findall(rf'```{language}\n(.*?)```', text, re.DOTALL)


def write_module(folder, stem, page, index=0):
    """Save a Python block of a page as a module."""
    (folder / f'{stem}.py').write_text(blocks(page, 'python')[index])


@pytest.fixture
def registered():
    """Forget afterwards what a page has registered."""
    nodes = [owner for node in (HOOKS, MODELS) for owner in (node, node.host)]
    before = [dict(node.module_dict) for node in nodes]
    yield
    for node, kept in zip(nodes, before):
        node.module_dict.clear()
        node.module_dict.update(kept)
    for name in [name for name in sys.modules if name.startswith('my_')]:
        del sys.modules[name]


@pytest.fixture
def clone(tmp_path, monkeypatch, registered):
    """Go to a folder that looks like a clone with a few short videos."""
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(ROOT / name)
    folder = tmp_path / 'data/moving_shapes/tiny'
    folder.parent.mkdir(parents=True)
    write_youtube_vis(
        str(folder),
        get_cfg('micro', num_train=1, num_val=1, num_frames=4, classes=4))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def shell(monkeypatch, capsys):
    """Return a function that runs a line with more options."""

    def run(line, options):
        line = re.sub(r'\$\(cat (\S+)\)', lambda m: Path(m[1]).read_text(),
                      line)
        _, tool, *words = shlex.split(line)
        if '--cfg-options' not in words:
            words.append('--cfg-options')
        monkeypatch.setattr(sys, 'argv', [tool, *words, *options])
        VideoVisualizer._instance_dict.clear()  # of another test's folder
        try:
            runpy.run_path(tool, run_name='__main__')
        except SystemExit as stop:
            assert not stop.code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_a_run_on_a_cpu(clone, shell):
    lines = blocks('user_guides/train_test.md', 'bash')[0].splitlines()
    make, pretrain, train, test = lines
    assert 'make_moving_shapes.py' in make  # it has tests of its own
    shell(pretrain, SHORT)
    assert 'Load checkpoint from' in shell(train, SHORT)
    assert re.search(r'vis/AP: \d', shell(test, SHORT[-6:]))
    for path in ('tiny-test/results.pkl', 'tiny/iter_2.pth',
                 'tiny/inspro_r18_fpn_movingshapes-tiny.py'):
        assert (clone / 'work_dirs' / path).is_file()
    assert list(clone.glob('work_dirs/pretrain/*/vis_data/*.json'))


def test_one_gpu(clone, shell):
    _, accumulate = blocks('user_guides/one_gpu.md', 'bash')[0].splitlines()
    assert re.search(r'\[2/2\].* loss: \d', shell(accumulate, SHORT))


def test_eight_times_as_many_iterations(clone):
    write_module(clone, 'mine', 'user_guides/one_gpu.md')
    cfg = Config.fromfile('mine.py')
    base = Config.fromfile(
        cfg.filename.replace(
            'mine.py',
            'configs/inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py'))
    times = cfg.optim_wrapper.accumulative_counts
    assert times == base.auto_scale_lr.base_batch_size
    assert cfg.train_cfg.max_iters == times * base.train_cfg.max_iters
    assert cfg.train_cfg.val_interval == times * base.train_cfg.val_interval
    hooks = cfg.default_hooks, base.default_hooks
    assert hooks[0].checkpoint.interval == times * hooks[1].checkpoint.interval
    for ours, theirs in zip(cfg.param_scheduler, base.param_scheduler):
        longer = {
            key: (np.array(value) * times).tolist()
            for key, value in theirs.items()
            if key in ('begin', 'end', 'milestones')
        }
        assert dict(ours) == dict(theirs, **longer)


def test_spread_weights(clone):
    write_module(clone, 'mine', 'user_guides/one_gpu.md', 1)
    cfg = Config.fromfile('mine.py')
    large = Config.fromfile('configs/cavis/large/cavis-segmenter_swin-l_8xb1-'
                            'sharded-40k_coco-ovis.py')
    for key in ('runner_type', 'shard_modules', 'val_cfg', 'val_dataloader',
                'val_evaluator'):
        assert cfg[key] == large[key]
    assert cfg.model.backbone.type == large.model.backbone.type


def stream_block():
    """Return the endless stream with an end."""
    return blocks('user_guides/long_videos.md',
                  'python')[0].replace('range(20)', 'range(2)')


def test_endless_streams(capsys):
    exec(stream_block(), {})
    assert capsys.readouterr().out.endswith('0\n1\n')


def test_a_hook_of_your_own(clone):
    page = 'advanced_guides/registry.md'
    scope, hook, config = blocks(page, 'python')
    (clone / 'my_parts.py').write_text(
        hook.replace('register_module()', 'register_module(force=True)'))
    (clone / 'mine.py').write_text(scope + config)
    cfg = Config.fromfile('mine.py')
    hook = HOOKS.build(cfg.custom_hooks[0])

    class Runner:
        message_hub = type('Hub', (), {})()

    seen = []
    Runner.message_hub.update_scalar = lambda *args: seen.append(args)
    hook.before_train(Runner)
    for _ in range(2):
        hook.after_train_iter(Runner, 0, dict(data_samples=[range(3)] * 2))
    assert seen == [('train/frames', 6), ('train/frames', 12)]


def test_the_message_about_a_name():
    printed = blocks('advanced_guides/registry.md', 'text')[0].splitlines()
    wrong = dict(type='InsProo'), dict(type='BoxDedupLoss', bata=1)
    for line, cfg in zip(printed, wrong):
        with pytest.raises((KeyError, TypeError)) as error:
            MODELS.build(cfg)
        found = re.sub(r"('InsPro'), .*?\?", r'\1, ...?', error.value.args[0])
        assert line == f'error: {found}'


@pytest.fixture
def tracker(clone):
    """Return the model of the page, with a small network."""
    page = 'advanced_guides/tracker.md'
    module, config = blocks(page, 'python')
    (clone / 'my_tracker.py').write_text(
        module.replace('register_module()', 'register_module(force=True)'))
    (clone / 'my_tracker_config.py').write_text(config)
    cfg = Config.fromfile('my_tracker_config.py').model
    cfg.detector.backbone.update(
        depth=18, base_channels=8, stem_channels=8, init_cfg=None)
    cfg.detector.neck.in_channels = [8, 16, 32, 64]
    cfg.detector.roi_head.bbox_head.fc_out_channels = 16
    cfg.detector.test_cfg.rpn.max_per_img = 20
    # random weights: every box is something
    cfg.detector.test_cfg.rcnn.update(score_thr=0., max_per_img=5)
    return MODELS.build(cfg).eval()


def sample_of(frame_ids, length=4):
    """Return frames of a video as a sample."""
    sample = TrackDataSample()
    sample.video_data_samples = [
        DetDataSample(
            metainfo=dict(
                frame_id=i,
                video_id=0,
                ori_video_length=length,
                img_shape=(64, 64),
                pad_shape=(64, 64),
                ori_shape=(32, 32),
                batch_input_shape=(64, 64),
                scale_factor=(2., 2.))) for i in frame_ids
    ]
    return sample


def test_a_tracker_of_your_own(tracker):
    frames = torch.randn(1, 4, 3, 64, 64)
    frames[:, 2:] = frames[:, 1:2]  # nothing moves: nothing gets a new id
    with torch.no_grad():
        whole, = tracker.predict(frames, [sample_of(range(4))])
        for i in range(4):
            single, = tracker.predict(frames[:, i:i + 1], [sample_of([i])])
    found = [frame.pred_track_instances for frame in whole]
    assert [len(frame) for frame in found] == [5] * 4
    assert found[0].instances_id.tolist() == [1, 2, 3, 4, 5]
    assert sorted(found[1].instances_id) == sorted(found[3].instances_id)
    assert found[0].masks[0]['size'] == [32, 32]
    for one, other in zip(found, single):
        other = other.pred_track_instances
        assert one.instances_id.tolist() == other.instances_id.tolist()
        assert one.masks == other.masks


def test_the_tracker_learns(tracker):
    sample = sample_of(range(2))
    for frame in sample:
        bitmaps = np.zeros((1, 64, 64), np.uint8)
        bitmaps[0, 8:40, 8:40] = 1
        frame.gt_instances = InstanceData(
            bboxes=torch.tensor([[8., 8., 40., 40.]]),
            labels=torch.tensor([3]),
            masks=BitmapMasks(bitmaps, 64, 64))
    losses = tracker.train().loss(torch.randn(1, 2, 3, 64, 64), [sample])
    total, _ = tracker.parse_losses(losses)
    total.backward()
    assert tracker.detector.neck.lateral_convs[0].conv.weight.grad.abs().sum()


def test_a_loss_of_your_own(clone):
    module, config, check = blocks('advanced_guides/loss.md', 'python')
    module = module.replace('register_module()', 'register_module(force=True)')
    (clone / 'my_loss.py').write_text(module)
    (clone / 'mine.py').write_text(config)
    names = {}
    exec(module + check, names)

    cfg = Config.fromfile('mine.py').model.loss_pcc
    loss = MODELS.build(cfg)
    features = torch.randn(2, 2, 3, 4, 4, requires_grad=True)
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, :, 4:8] = 1
    value, auxiliary = loss(features, [masks, masks[:0]])
    value.backward()
    assert value > 0 and auxiliary == 0
    assert features.grad[0].any() and not features.grad[1].any()
    nothing, _ = loss(features.half(), [masks[:0]] * 2)
    assert nothing == 0 and nothing.requires_grad
    assert nothing.dtype == torch.float32


def test_an_operator(capsys):
    exec(blocks('advanced_guides/op.md', 'python')[0], {})
    assert capsys.readouterr().out.startswith('(')
