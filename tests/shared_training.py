"""Short trainings of every system, alone or with others, on the same clips."""
import copy
import importlib
import os
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS
from torch.multiprocessing import start_processes
from torch.utils.data import Dataset

from mmvis_plugin.datasets import VIPSeg
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_vipseg
from mmvis_plugin.engine import VideoRunner
from .recipes import ROOT

NUM_STEPS = 5
SAVED_AT = 3
# steps of two clips, of which the first process gets the first one: this
# step and the next have one without objects, on another process each
FIRST_BARE = 1
BARE_CLIPS = (2 * FIRST_BARE + 1, 2 * FIRST_BARE + 2)
CLASSES = ('person', 'cat', 'dog', 'horse', 'wall', 'grass', 'road', 'sky',
           'water', 'tree')
# AdamW makes whole steps of differences of rounding
SMALL_STEPS = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=0.)
NARROW_FRAMES = dict(
    type='FramePCAM', mode='similarity', channels=64, num_protos=6)
# recipe, frames per clip, and what is changed: everything learns, what is slow
# is small
SYSTEMS = dict(
    inspro=('inspro/inspro_r18_fpn_movingshapes-tiny.py', 2, {
        'model.roi_head.num_stages': 2,
    }),
    pcan=('pcan/pcan_r18_fpn_movingshapes-tiny.py', 2, {
        'model.freeze': [],
        'model.frame_pcam': dict(NARROW_FRAMES, _delete_=True),
        'model.detector.train_cfg.rcnn.sampler.num': 32,
    }),
    pcan_condinst=('pcan/pcan-condinst_r18_fpn_movingshapes-tiny.py', 2, {
        'model.freeze': [],
        'model.frame_pcam': dict(NARROW_FRAMES, _delete_=True),
    }),
    cavis_segmenter=('cavis/cavis-segmenter_r18_movingshapes-tiny.py', 2, {
        'model.segment_head.pixel_decoder.encoder.num_layers': 1,
        'model.criterion.num_points': 256,
    }),
    cavis_online=('cavis/cavis-online_r18_movingshapes-tiny.py', 3, {
        'model.segment_head.pixel_decoder.encoder.num_layers': 1,
        'model.criterion.num_points': 256,
        'model.loss_ref': dict(type='ReferenceContrastiveLoss')
    }),
    hybrid_tracker=(
        'hybrid_tracker/hybrid-tracker-stage2_r18_fpn_movingshapes-vps-tiny.py',  # noqa: E501
        2,
        {
            'model.segmentor.init_cfg': None
        }),
    panoptic_fcn=(
        'hybrid_tracker/panoptic-fcn_r18_fpn_movingshapes-vps-tiny.py', 1, {}))
CLIPS = {}


@DATASETS.register_module(force=True)
class StoredClips(Dataset):
    """The clips of :data:`CLIPS` of one system."""

    metainfo = dict(classes=CLASSES)

    def __init__(self, system: str) -> None:
        self.clips = CLIPS[system]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> dict:
        return copy.deepcopy(self.clips[index])


def unwrapped(model):
    """Return a model without the wrapper of several processes."""
    return getattr(model, 'module', model)


@HOOKS.register_module(force=True)
class KeepLosses(Hook):
    """Write the losses of all steps and the weights of each process."""

    priority = 'LOWEST'

    def before_train(self, runner) -> None:
        """Begin anew."""
        self.losses = {}
        self.start = copy.deepcopy(unwrapped(runner.model).state_dict())

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        """Note the losses."""
        self.losses[runner.iter] = {
            name: float(value)
            for name, value in outputs.items() if 'loss' in name
        }

    def after_train(self, runner) -> None:
        """Write a file per process."""
        model = unwrapped(runner.model)
        torch.save(
            dict(
                losses=self.losses,
                start=self.start,
                weights=model.state_dict()),
            f'{runner.work_dir}/kept{runner.rank}.pth')


def store_clips(folder: str) -> None:
    """Write MovingShapes to a folder and load the clips of all systems."""
    # what the first step of an optimizer imports, once for all processes
    importlib.import_module('torch._dynamo')
    cfg = get_cfg(
        'micro',
        num_frames=3,
        num_train=2 * NUM_STEPS,
        num_val=1,
        objects=(3, 3),
        classes=4,
        p_late=0.,
        p_exit=0.)
    write_vipseg(folder, cfg)
    for system, (_, num_frames, _) in SYSTEMS.items():
        load = 'Skip' if system == 'hybrid_tracker' else 'Load'
        dataset = VIPSeg(
            data_root=folder,
            ann_file='panoptic_gt_VIPSeg_train.json',
            data_prefix=dict(img_path='images/', seg_map_path='panomasksRGB/'),
            img_suffix='.jpg',
            metainfo=dict(classes=CLASSES),
            pipeline=[
                dict(
                    type='ClipSample',
                    num_frames=num_frames,
                    mode='ref' if system.startswith('pcan') else 'dense'),
                dict(
                    type='TransformBroadcaster',
                    transforms=[
                        dict(type=f'{load}VideoFrame'),
                        dict(type='LoadFramePanoptic'),
                    ]),
                dict(type='PackClipInputs'),
            ])
        CLIPS[system] = [dataset[i] for i in range(2 * NUM_STEPS)]
        for index in BARE_CLIPS:
            remove_objects(CLIPS[system][index]['data_samples'])


def remove_objects(sample) -> None:
    """Remove the annotation of a clip."""
    for frame in sample:
        frame.gt_instances = frame.gt_instances[:0]
        frame.gt_panoptic_seg.pan_seg.zero_()
        frame.gt_panoptic_seg.set_metainfo(dict(segments_info=[]))
        frame.gt_sem_seg.sem_seg.fill_(255)


def build_runner(system: str,
                 work_dir: str,
                 world_size: int,
                 load_from: str = None) -> VideoRunner:
    """Return a runner of one clip per step and process of two."""
    recipe, _, changes = SYSTEMS[system]
    cfg = Config.fromfile(ROOT / 'configs' / recipe)
    cfg.merge_from_dict(changes)
    settings = dict(
        work_dir=work_dir,
        experiment_name=f'{system}_{os.path.basename(work_dir)}',
        launcher='pytorch' if world_size > 1 else 'none',
        train_dataloader=dict(
            batch_size=2 // world_size,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='StoredClips', system=system)),
        train_cfg=dict(type='ResumableIterLoop', max_iters=NUM_STEPS),
        param_scheduler=None,
        val_cfg=None,
        val_dataloader=None,
        val_evaluator=None,
        test_cfg=None,
        test_dataloader=None,
        test_evaluator=None,
        custom_hooks=[dict(type='KeepLosses')],
        find_unused_parameters=False,
        log_level='ERROR',
        load_from=load_from,
        resume=load_from is not None)
    for name, value in settings.items():
        cfg[name] = value
    cfg.optim_wrapper.optimizer = SMALL_STEPS
    # seconds that one waits for the other
    cfg.env_cfg.dist_cfg = dict(backend='gloo', timeout=120)
    cfg.default_hooks.checkpoint.update(interval=SAVED_AT, save_last=False)
    return VideoRunner.from_cfg(cfg)


@contextmanager
def no_chance():
    """Draw the same points and the same order for every clip of a batch."""
    rand = torch.rand

    def one_for_all(*size, **kwargs):
        if len(size) < 2:
            return rand(*size, **kwargs)
        rng = torch.Generator().manual_seed(size[1])
        return rand(
            *size[1:], generator=rng, **kwargs).repeat(size[0],
                                                       *[1] * (len(size) - 1))

    with ExitStack() as stack:
        stack.enter_context(mock.patch('torch.rand', one_for_all))
        stack.enter_context(mock.patch('torch.randperm', torch.arange))
        yield


def train(rank: int, world_size: int, port: str, jobs: list) -> None:
    """Be one of the processes that train ``(system, work_dir, load_from)``."""
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world_size),
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=port)
    # the environment is not asked for again by every run
    with no_chance(), mock.patch.object(VideoRunner, '_log_env'):
        for system, work_dir, load_from in jobs:
            build_runner(system, work_dir, world_size, load_from).train()


def train_in_processes(world_size: int, port: str, *jobs: tuple) -> None:
    """Train in new processes, one job after the other."""
    # one that fails ends the others
    start_processes(
        train,
        args=(world_size, port, jobs),
        nprocs=world_size,
        start_method='fork')
