"""Spread parameters take the steps of whole ones."""
import copy
import os
import socket

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from torch.multiprocessing import get_context
from torch.utils.data import Dataset

from mmvis_plugin.engine import ShardedRunner, VideoRunner
from mmvis_plugin.engine.runner.sharded_runner import find_parts
from mmvis_plugin.testing import fake_clips
from mmvis_plugin.utils.checkpoint import load_weights
from mmvis_plugin.utils.cli import UsageError
from ... import toy_training
from ...recipe_steps import build, small_model
from ...recipes import ROOT

CONFIG = ROOT / 'configs' / 'cavis' / 'large' / (
    'cavis-segmenter_swin-l_8xb1-sharded-40k_coco-ovis.py')
fsdp = pytest.mark.skipif(
    not hasattr(torch.distributed.fsdp, 'fully_shard'),
    reason='needs torch >= 2.6')


@DATASETS.register_module(force=True)
class FourFakeClips(Dataset):
    """Clips of three frames."""
    metainfo = dict()

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict:
        inputs, samples = fake_clips([[[1, 2], [2], [1, 3]]], 5, seed=index)
        pixels = (40 * inputs[0] + 128).clamp(0, 255).byte()
        return dict(inputs=pixels, data_samples=samples[0])


def run(kind, work_dir, iters, cfg, **kwargs):
    """Train a small model of a recipe."""
    runner = kind(
        model=copy.deepcopy(small_model(cfg)),
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=1,
            num_workers=0,
            dataset=dict(type='FourFakeClips'),
            sampler=dict(type='InfiniteSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate')),
        train_cfg=dict(type='ResumableIterLoop', max_iters=iters),
        # smooth in the gradients, of which some are nearly zero
        optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=1., eps=1., weight_decay=0.05),
            paramwise_cfg=cfg.optim_wrapper.paramwise_cfg,
            clip_grad=dict(max_norm=0.5)),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False,
                            interval=1)),
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=3),
        default_scope='mmdet',
        launcher='pytorch',
        experiment_name=work_dir.name,
        cfg=dict(shard_modules=cfg.shard_modules),
        **kwargs)
    runner.train()
    return runner


def train_both(rank, port, folder):
    """Train as whole and as sharded; the latter also goes on from there."""
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=port)
    cfg = Config.fromfile(CONFIG)
    run(VideoRunner, folder / 'whole', 2, cfg)
    runner = run(ShardedRunner, folder / 'sharded', 1, cfg)
    held = sum(p.to_local().numel() for p in runner.model.parameters())
    every = sum(p.numel() for p in runner.model.parameters())
    assert 0.4 < held / every < 0.6
    run(ShardedRunner,
        folder / 'resumed',
        2,
        cfg,
        load_from=str(folder / 'whole' / 'iter_1.pth'),
        resume=True)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Train in two processes; return the folder of the checkpoints."""
    folder = tmp_path_factory.mktemp('sharded')
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])
    ranks = [
        get_context('fork').Process(
            target=train_both, args=(rank, port, folder), daemon=True)
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(300)
    assert [process.exitcode for process in ranks] == [0, 0]
    return folder


@fsdp
@pytest.mark.parametrize('name', ['sharded/iter_1.pth', 'resumed/iter_2.pth'])
def test_steps_and_checkpoints_are_those_of_whole_parameters(folder, name):
    ours = torch.load(folder / name, weights_only=False)
    whole = torch.load(
        folder / 'whole' / name.split('/')[1], weights_only=False)
    assert ours['state_dict'].keys() == whole['state_dict'].keys()
    for key, value in whole['state_dict'].items():
        assert torch.allclose(
            ours['state_dict'][key], value, rtol=1e-4, atol=1e-5), key
    moments = ours['optimizer'].pop('state')
    wanted = whole['optimizer'].pop('state')
    assert moments.keys() == wanted.keys()
    for index, entry in wanted.items():
        for key, value in entry.items():
            assert torch.allclose(
                moments[index][key], value, rtol=1e-3, atol=1e-6), key
    assert str(ours['optimizer']) == str(whole['optimizer'])


@fsdp
def test_a_plain_model_reads_the_checkpoint(folder):
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = build(small_model(Config.fromfile(CONFIG)))
    before = copy.deepcopy(model.state_dict())
    path = str(folder / 'sharded' / 'iter_1.pth')
    saved = load_weights(model, path)['state_dict']
    for key, value in model.state_dict().items():
        assert torch.equal(value, saved[key])
    moved = [k for k, v in before.items() if not torch.equal(v, saved[k])]
    assert len(moved) > 0.9 * len(dict(model.named_parameters()))


def build_toy(monkeypatch, kind, work_dir):
    """Return a runner of a kind with a toy model."""
    monkeypatch.setattr(toy_training, 'VideoRunner', kind)
    return toy_training.build_runner(str(work_dir), name=work_dir.name)


def test_one_process_is_a_video_runner(tmp_path, monkeypatch):
    weights = []
    for kind in (VideoRunner, ShardedRunner):
        folder = tmp_path / kind.__name__
        build_toy(monkeypatch, kind, folder).train()
        weights.append(torch.load(folder / 'iter_9.pth')['state_dict'])
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key])


def test_validation_inside_of_training_is_refused(tmp_path, monkeypatch):
    runner = build_toy(monkeypatch, ShardedRunner, tmp_path)
    monkeypatch.setattr(runner, '_distributed', True)
    with pytest.raises(UsageError, match='does not validate, found val_cfg'):
        runner.train()


def test_parts_by_their_names():
    model = torch.nn.ModuleDict(
        dict(
            a=torch.nn.Sequential(
                torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()),
                torch.nn.Linear(1, 1)),
            b=torch.nn.Tanh()))
    found = find_parts(model, ['b', 'a.*', 'a.*.1'])
    assert found[0] is model.a[0][1]  # before the part that it is in
    assert {id(m)
            for m in found} == {
                id(m)
                for m in (model.a[0][1], model.b, model.a[0], model.a[1])
            }
    assert len(found) == 4
    with pytest.raises(UsageError, match=r"shard_modules: 'c.\*' names no"):
        find_parts(model, ['c.*'])
