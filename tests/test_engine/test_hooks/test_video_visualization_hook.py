from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.models.online_video_model import as_track_sample
from mmvis_plugin.registry import HOOKS
from mmvis_plugin.structures import encode_masks
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.visualization import VideoVisualizer, track_colors

H, W, LENGTH = 40, 60, 4


def image_of(t):
    return np.full((H, W, 3), 50 + 20 * t, np.uint8)


def window(folder, name, start, stop, provisional=False, on_disk=True):
    """A sample of frames whose track ``start`` covers the left half."""
    metas, results = [], []
    for t in range(start, stop):
        path = folder / f'{name.replace("/", "-")}_{t}.png'
        if on_disk:
            cv2.imwrite(str(path), image_of(t))
        metas.append(
            dict(
                img_path=str(path),
                video_name=name,
                video_id=len(name),
                frame_id=t,
                ori_shape=(H, W),
                ori_video_length=LENGTH))
        mask = np.zeros((1, H, W), bool)
        mask[:, :, :W // 2] = True
        results.append(
            InstanceData(
                instances_id=torch.tensor([3]),
                labels=torch.tensor([0]),
                scores=torch.tensor([0.6]),
                bboxes=torch.tensor([[0., 0, W // 2, H]]),
                masks=encode_masks(mask)))
    if provisional:
        return as_track_sample(metas, provisional=True)
    return as_track_sample(metas, results)


def fake_runner(visualizer=None):
    visualizer = visualizer or VideoVisualizer(
        draw_label=False, draw_contour=False, alpha=1.)
    return SimpleNamespace(visualizer=visualizer)


def run(samples, runner=None, batches=None, **kwargs):
    init_default_scope('mmdet')
    hook = HOOKS.build(
        dict(type='VideoVisualizationHook', draw=True, **kwargs))
    runner = runner or fake_runner()
    for i, sample in enumerate(samples):
        batch = batches[i] if batches else None
        hook.after_test_iter(runner, i, batch, [sample])
    hook.after_test_epoch(runner, {})
    return hook


def check_files(folder, name, num=LENGTH, factor=7):
    frames = sorted((folder / name).iterdir())
    assert [p.name for p in frames] == [f'{t:05d}.png' for t in range(num)]
    for t, path in enumerate(frames):
        image = cv2.imread(str(path))[..., ::-1]
        assert image.shape == (factor * H, factor * W, 3)
        assert image[20, 20].tolist() == track_colors([3])[0].tolist()
        assert image[20, -20].tolist() == [50 + 20 * t] * 3
    capture = cv2.VideoCapture(str(folder / f'{name}.mp4'))
    count = 0
    while capture.read()[0]:
        count += 1
    assert count == num


def windows(folder, name, size, provisional):
    """The samples that a model returns for windows of ``size`` frames."""
    samples = [
        window(folder, name, start, start + size, provisional)
        for start in range(0, LENGTH, size)
    ]
    if provisional:
        samples[-1] = window(folder, name, 0, LENGTH)
    return samples


@pytest.mark.parametrize('size, provisional', [(4, False), (2, False),
                                               (1, False), (2, True),
                                               (1, True)])
def test_files_of_two_videos(tmp_path, size, provisional):
    samples = windows(tmp_path, 'cat', size, provisional) + windows(
        tmp_path, 'dog/1', size, provisional)
    run(samples, test_out_dir=str(tmp_path / 'out'))
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'cat', 'cat.mp4', 'dog_1', 'dog_1.mp4'
    ]
    check_files(tmp_path / 'out', 'cat')
    check_files(tmp_path / 'out', 'dog_1')


def test_other_visualizers_are_replaced(tmp_path):
    runner = fake_runner(DetLocalVisualizer('detection'))
    runner.visualizer.dataset_meta = dict(classes=('cat', ))
    run([window(tmp_path, 'cat', 0, LENGTH)],
        runner,
        test_out_dir=str(tmp_path / 'out'))
    assert len(list((tmp_path / 'out/cat').iterdir())) == LENGTH


def test_limits(tmp_path):
    samples = [window(tmp_path, name, 0, LENGTH) for name in ('a', 'b', 'c')]
    run(samples,
        test_out_dir=str(tmp_path / 'out'),
        max_videos=2,
        write_frames=False)
    names = sorted(p.name for p in (tmp_path / 'out').iterdir())
    assert names == ['a.mp4', 'b.mp4']


def test_off_by_default(tmp_path):
    init_default_scope('mmdet')
    hook = HOOKS.build(
        dict(type='VideoVisualizationHook', test_out_dir=str(tmp_path / 'o')))
    hook.after_test_iter(None, 0, None, [window(tmp_path, 'a', 0, LENGTH)])
    assert not (tmp_path / 'o').exists()


def test_frames_for_the_backends(tmp_path):
    visualizer = VideoVisualizer(
        vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    hook = run([window(tmp_path, 'cat', 0, LENGTH)],
               fake_runner(visualizer),
               frame_interval=2)
    stored = tmp_path / 'vis_data/vis_image'
    assert sorted(p.name
                  for p in stored.iterdir()) == ['cat_1.png', 'cat_2.png']
    hook.test_out_dir = str(tmp_path / 'out')
    hook.after_val_iter(
        fake_runner(visualizer), 0, None, [window(tmp_path, 'cat', 0, LENGTH)])
    assert len(list(stored.iterdir())) == 4
    assert not (tmp_path / 'out').exists()


def test_frames_without_files(tmp_path):
    sample = window(tmp_path, 'cat', 0, LENGTH, on_disk=False)
    frames = [torch.from_numpy(image_of(t)[::2, ::2]) for t in range(LENGTH)]
    inputs = torch.stack(frames).permute(0, 3, 1, 2)
    run([sample],
        batches=[dict(inputs=[inputs])],
        test_out_dir=str(tmp_path / 'out'))
    check_files(tmp_path / 'out', 'cat')
    with pytest.raises(AnnotationError, match='video cat, frame 0: there is'):
        run([sample],
            batches=[dict(inputs=[inputs[2:]])],
            test_out_dir=str(tmp_path / 'out'))


def test_window_shows_frames(tmp_path, monkeypatch):
    shown = []
    runner = fake_runner()
    monkeypatch.setattr(
        runner.visualizer, 'show',
        lambda image, win_name, wait_time: shown.append(
            (image.shape, win_name, wait_time)))
    run([window(tmp_path, 'cat', 0, LENGTH)], runner, show=True, wait_time=2.)
    assert shown == [((7 * H, 7 * W, 3), 'cat', 2.)] * LENGTH


def test_ground_truth_beside(tmp_path):
    sample = window(tmp_path, 'cat', 0, LENGTH)
    record = dict(bbox=[0, 0, 9, 9], bbox_label=0, instance_id=1)
    for frame in sample:
        assert isinstance(frame, DetDataSample)
        frame.set_metainfo(dict(instances=[record], has_ann=True))
    run([sample], test_out_dir=str(tmp_path / 'out'), draw_gt=True)
    image = cv2.imread(str(tmp_path / 'out/cat/00000.png'))
    assert image.shape == (7 * H, 2 * 7 * W, 3)


def test_panoptic_predictions(tmp_path):
    sem_seg = torch.zeros(1, H, W, dtype=torch.int64)
    sem_seg[..., :W // 2] = 3001  # track 3 of class 1
    plain = window(tmp_path, 'cat', 0, LENGTH)
    sample = as_track_sample(
        [frame.metainfo for frame in plain],
        [dict(pred_panoptic_seg=PixelData(sem_seg=sem_seg))] * LENGTH)
    runner = fake_runner()
    runner.visualizer.dataset_meta = dict(
        classes=('sky', 'cat'), palette=[(10, 20, 30), (0, 0, 0)])
    run([sample], runner, test_out_dir=str(tmp_path / 'out'))
    for t in range(LENGTH):
        image = cv2.imread(str(tmp_path / f'out/cat/{t:05d}.png'))[..., ::-1]
        assert image[20, 20].tolist() == track_colors([3])[0].tolist()
        assert image[20, -20].tolist() == [10, 20, 30]
