import importlib.util
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.datasets.synthetic.generate import generate_video
from mmvis_plugin.datasets.synthetic.writers import WRITERS
from mmvis_plugin.visualization import VideoVisualizer
from ..browsed_data import CFG, CONFIG, KINDS, SPLITS

ROOT = Path(__file__).parents[2]
LINE = re.compile(r'(\w+) (\d+): (\S+): (\d+) frames, (\d+) objects?, '
                  r'(\d+) ignored, (\d+|\?) dropped -> (.+\.png)')


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location(
        'browse_dataset', ROOT / 'tools/analysis_tools/browse_dataset.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules['browse_dataset'] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules['browse_dataset']


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Return a function that writes a format once."""
    root = tmp_path_factory.mktemp('data')

    def write(name):
        WRITERS[name](CFG).write(root / name)
        return root / name

    return write


@pytest.fixture()
def call(tool, data, tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on a kind of data."""
    monkeypatch.chdir(tmp_path)

    def run(kind, *options, **texts):
        name, annotations, make = KINDS[kind]
        root = data(name)
        loader = ('LoadSyntheticFrames'
                  if kind == 'synthetic' else 'LoadVideoFrame')
        sources = {split: make(root, split) for split in SPLITS}
        (tmp_path / f'{kind}.py').write_text(
            CONFIG.format(
                loader=loader, annotations=annotations, **{
                    **sources,
                    **texts
                }))
        monkeypatch.setattr(sys, 'argv', ['browse', f'{kind}.py', *options])
        tool.main()
        return capsys.readouterr().out.strip().splitlines()

    return run


def objects_of(kind, split, index):
    """Count the objects and crowds that a video of MovingShapes shows."""
    cfg = WRITERS[KINDS[kind][0]](CFG).cfg
    video = generate_video(cfg, split, index, with_images=False)
    frames = slice(None)
    if kind == 'cityscapes':
        frames = slice(4, None, 5)
    seen = set(np.unique(video.id_maps[frames])) - {0}
    crowds = {o.object_id for o in video.objects if o.iscrowd} & seen
    return len(seen - crowds), len(crowds)


@pytest.mark.parametrize('kind', sorted(KINDS))
def test_every_kind_of_data(call, kind, tmp_path):
    for split, total in zip(SPLITS, (4 if kind == 'joint' else 2, 1)):
        *lines, last = call(kind, '--split', split, '--out', 'strips')
        assert last == f'drew {total} of {total} videos into strips'
        assert len(lines) == total
        for index, line in enumerate(lines):
            found = LINE.fullmatch(line)
            assert found[1] == split and int(found[2]) == index
            assert found[7] == '0'
            path = tmp_path / found[8]
            assert path.name == f'{split}_{index:05d}_{found[3]}.png'
            image = cv2.imread(str(path))
            shown = 2 if split == 'train' else 4
            assert image.shape[1] == 384 * shown + 4 * (shown - 1)
            assert image.shape[0] > 256
            if split == 'val':
                plain, crowds = objects_of(kind, split, index)
                if kind == 'cityscapes':  # its crowds are void
                    crowds = 0
                elif kind == 'vipseg':  # its crowds are plain segments
                    plain, crowds = plain + crowds, 0
                assert (int(found[5]), int(found[6])) == (plain, crowds)
    left = [p for p in tmp_path.rglob('*') if '.png' in p.name]
    assert len(left) == (5 if kind == 'joint' else 3)  # no unfinished file


def test_second_part_of_a_joint_data_set(call):
    line = call('joint', '--index', '3')[0]
    assert line.startswith('train 3: 00000: 2 frames, 1 object, 0 ignored')


def test_frames_of_val_are_those_with_labels(tool, call, tmp_path):
    call('cityscapes', '--split', 'val')
    args = tool.argparse.Namespace(
        config='cityscapes.py', split='val', cfg_options=None)
    clip = tool.raw_clip(tool.build_dataset(args), 0, 4)
    assert clip.num_frames == 30
    assert [s.frame_id for _, s in clip.frames] == [4, 14, 19, 29]
    default = tmp_path / 'work_dirs/cityscapes/browse'
    assert [p.name for p in default.iterdir()] == ['val_00000_0003.png']


@pytest.mark.parametrize('kind', ['vis', 'vid', 'vipseg'])
def test_training_clips_show_what_the_model_gets(tool, call, kind):
    """A flipped clip is the mirrored picture of the clip as it was."""
    call(kind, '--num', '1', '--not-show', '--show-interval', '2')
    drawn = []
    for flip in (0., 1.):
        args = tool.argparse.Namespace(
            config=f'{kind}.py',
            split='train',
            cfg_options={
                'train_dataloader.dataset.pipeline.1.transforms.2.prob': flip
            })
        clip = tool.training_clip(tool.build_dataset(args), 1, seed=3)
        vis = VideoVisualizer(
            draw_label=False,
            draw_contour=False,
            draw_bbox=False if kind != 'vid' else True,
            hatch_void=False,
            min_side=0)
        drawn.append([
            vis.overlay(image, sample, draw_gt=True, draw_pred=False)
            for image, sample in clip.frames
        ])
        raw = [image for image, _ in clip.frames]
        assert all((a != b).any() for a, b in zip(raw, drawn[-1]))
    for before, after in zip(*drawn):
        if kind == 'vid':  # a line is drawn at x or at width - x
            assert (before[:, ::-1] == after).mean() > 0.9
            continue
        np.testing.assert_array_equal(before[:, ::-1], after)


def test_same_picture_whatever_was_drawn_before(call, tmp_path):
    call('vis', '--index', '0', '1', '--out', 'a')
    call('vis', '--index', '1', '--out', 'b')
    call('vis', '--index', '1', '--out', 'c', '--seed', '1')
    files = [
        next((tmp_path / name).glob('train_00001*')).read_bytes()
        for name in 'abc'
    ]
    assert files[0] == files[1] != files[2]


def test_objects_that_the_pipeline_lost_are_counted(tool):
    records = [
        dict(instance_id=i, ignore_flag=int(i == 4)) for i in (2, 3, 4, 5)
    ]
    frame = DetDataSample(
        metainfo=dict(instances=records, video_name='a/b', frame_id=0))
    for key, ids in (('gt_instances', [2]), ('ignored_instances', [4])):
        setattr(
            frame, key,
            InstanceData(
                bboxes=torch.zeros(1, 4),
                labels=torch.zeros(1),
                instances_ids=torch.tensor(ids)))
    sample = TrackDataSample()
    sample.video_data_samples = [frame]
    data = dict(
        inputs=torch.zeros(1, 3, 8, 8, dtype=torch.uint8), data_samples=sample)
    clip = tool.training_clip([data], 0, 0)
    assert clip.summary == '1 frame, 1 object, 1 ignored, 2 dropped'
    assert 'instances' not in clip.frames[0][1]


NO_VIDEO = json.dumps(dict(videos=[], categories=[], annotations=[]))


@pytest.mark.parametrize('options, message', [
    (['--split', 'test'], 'vis.py: there is no test_dataloader'),
    (['--index', '0', '2'], '--index 2: the train data of vis.py have 2 '
     'videos, expected 0 to 1'),
    (['--index', '-1'], '--index -1: the train data'),
    (['--num', '-1'], '--num -1: expected 0 or more'),
    (['--frames', '0'], '--frames 0: expected at least 1'),
    (['--width', '3'], '--width 3: expected at least 32'),
    (['--cfg-options', 'train_dataloader.dataset.ann_file=empty.json'
      ], 'empty.json'),
])
def test_wrong_use_ends_with_one_line(call, tmp_path, capsys, options,
                                      message):
    (tmp_path / 'empty.json').write_text(NO_VIDEO)
    with pytest.raises(SystemExit):
        call('vis', *options)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and message in error


def test_empty_data(tool):
    args = tool.argparse.Namespace(
        config='a.py', split='val', index=None, num=3)
    with pytest.raises(ValueError, match='a.py: the val data are empty'):
        tool.pick_indices(args, 0)
