import importlib.util
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmvis_plugin.apis import inference_frame, init_video_model
from mmvis_plugin.utils.video_reader import VideoReader
from mmvis_plugin.visualization import VideoVisualizer, track_colors
from ..spot_tracker import spot_frame, write_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def demo():
    spec = importlib.util.spec_from_file_location(
        'video_demo', ROOT / 'tools/demo/video_demo.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture()
def workplace(tmp_path, monkeypatch):
    """A folder with a config and frames, which is the current one."""
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path)
    (tmp_path / 'spots').mkdir()
    for t in range(12):
        cv2.imwrite(str(tmp_path / f'spots/{t}.png'), spot_frame(t))
    return tmp_path


@pytest.fixture()
def call(demo, monkeypatch):

    def run(*words):
        monkeypatch.setattr(sys, 'argv',
                            ['video_demo.py', '--device', 'cpu', *words])
        demo.main()

    return run


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            return frames
        frames.append(frame[..., ::-1])


PLAIN = ('--no-trail', '--no-label', '--alpha', '1', '--min-side', '0')


def test_folder_to_video(call, workplace, capsys):
    call('spots', 'spot_tracker.py', '--out', 'o/a.mp4', '--fps', '7', *PLAIN)
    frames = frames_of('o/a.mp4')
    assert len(frames) == 12 and frames[0].shape == (60, 80, 3)
    capture = cv2.VideoCapture('o/a.mp4')
    assert capture.get(cv2.CAP_PROP_FPS) == 7
    red, blue = track_colors([0, 2]).astype(int)
    for t, frame in enumerate(frames):
        # scores are 0.1 on the first frame of a track: below the threshold
        for seen, color, y, x in ((t > 0, red, 18, 14 + 4 * t), (t > 2, blue,
                                                                 46, 62)):
            near = np.abs(frame[y, x] - color).max() < 40
            assert near == seen, (t, x)
    out = capsys.readouterr().out
    assert 'wrote o/a.mp4' in out and '12 frames at' in out


def test_default_output_and_trails_and_enlarging(call, workplace):
    call('--input', 'spots', 'spot_tracker.py', '--max-frames', '3')
    frames = frames_of('spots_tracks.mp4')
    assert len(frames) == 3 and frames[0].shape == (300, 400, 3)


def test_strip_and_png_frames(call, workplace, capsys):
    call('spots', 'spot_tracker.py', '--score-thr', '0', '--output', 'png',
         '--strip', 'strip.png', '--strip-frames', '3', *PLAIN)
    names = sorted(os.listdir('png'))
    assert names == [f'{t:05d}.png' for t in range(12)]
    strip = cv2.imread('strip.png')
    assert strip.shape == (60, 3 * 80 + 2 * 4, 3)
    np.testing.assert_array_equal(strip[:, :80], cv2.imread('png/00000.png'))
    np.testing.assert_array_equal(strip[:, -80:], cv2.imread('png/00011.png'))
    assert 'wrote strip.png' in capsys.readouterr().out


def test_text_of_a_strip_has_the_size_for_its_frames(call, workplace):
    for t in range(3):
        frame = cv2.resize(spot_frame(t + 3), (1200, 900), interpolation=0)
        cv2.imwrite(str(workplace / f'spots/{t}.png'), frame)
    call('spots', 'spot_tracker.py', '--strip', 's.png', '--strip-frames', '1',
         '--max-frames', '1', '--score-thr', '0')
    strip = cv2.imread('s.png')[..., ::-1]
    model = init_video_model('spot_tracker.py', device='cpu')
    frame = cv2.imread('spots/0.png')
    visualizer = VideoVisualizer(max_width=480, trail_length=30)
    visualizer.dataset_meta = model.dataset_meta
    wanted = visualizer.overlay(
        frame[..., ::-1], inference_frame(model, frame, 0), pred_score_thr=0)
    assert strip.shape == (360, 480, 3)
    np.testing.assert_array_equal(strip, wanted)


def test_strip_alone_writes_no_video(call, workplace):
    call('spots', 'spot_tracker.py', '--strip', 's.png')
    assert not [n for n in os.listdir() if n.endswith('.mp4')]


def test_video_to_video_keeps_its_rate(call, workplace):
    writer = cv2.VideoWriter('in.mp4', cv2.VideoWriter_fourcc(*'mp4v'), 13,
                             (80, 60))
    for t in range(4):
        writer.write(spot_frame(t))
    writer.release()
    call('in.mp4', 'spot_tracker.py')
    assert len(frames_of('in_tracks.mp4')) == 4
    capture = cv2.VideoCapture('in_tracks.mp4')
    assert capture.get(cv2.CAP_PROP_FPS) == 13


def test_window_shows_every_frame(call, workplace, monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    shown = []

    def show(self, image, wait_time, backend):
        shown.append((image, wait_time, backend))

    monkeypatch.setattr(VideoVisualizer, 'show', show)
    call('spots', 'spot_tracker.py', '--show', '--wait-time', '0.5', *PLAIN)
    assert len(shown) == 12 and shown[0][1:] == (0.5, 'cv2')
    red = track_colors([0])[0, ::-1]
    assert shown[5][0][18, 34].tolist() == red.tolist()  # OpenCV wants BGR
    assert not [n for n in os.listdir() if n.endswith('.mp4')]


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have one')
def test_no_display(call, workplace, monkeypatch, capsys):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    with pytest.raises(SystemExit):
        call('spots', 'spot_tracker.py', '--show')
    assert 'no window can be opened' in capsys.readouterr().err


@pytest.mark.parametrize('words', [(), ('--online', )])
def test_interrupt_keeps_what_was_made(call, workplace, monkeypatch, words):
    whole = VideoReader.with_paths

    def interrupted(self):
        for index, pair in enumerate(whole(self)):
            if index == 5:
                raise KeyboardInterrupt
            yield pair

    monkeypatch.setattr(VideoReader, 'with_paths', interrupted)
    call('spots', 'spot_tracker.py', '--out', 'a.mp4', *words)
    assert len(frames_of('a.mp4')) == 5


def test_outputs_beside_the_overlay(call, workplace, capsys):
    call('spots', 'spot_tracker.py', '--save', 'youtube_vis', 'mot',
         '--out-dir', 'o', '--clip-len', '5')
    assert sorted(
        os.listdir('o/preds')) == ['spots_mot.txt', 'spots_youtube_vis.json']
    out = capsys.readouterr().out
    assert 'wrote o/preds/spots_mot.txt' in out
    assert not [n for n in os.listdir() if n.endswith('.mp4')]


def test_results_are_printed(call, workplace, capsys):
    call('spots', 'spot_tracker.py', '--max-frames', '3', '--print-result')
    out = capsys.readouterr().out
    assert "'frame_id': 2, 'instances_id': [0, 2], 'labels': [0, 0]" in out


@pytest.mark.parametrize('words, message', [
    ((), '0 positional arguments, expected INPUTS'),
    (('spots', 'a', 'b', 'c'), '4 positional arguments, expected INPUTS'),
    (('spot_tracker.py', 'spots'), 'the order is INPUTS MODEL'),
    (('spots', 'absent.py'), 'absent.py: no such config'),
    (('spots', 'inspro_r18_fpn_movingshapes-tyni'),
     'did you mean inspro_r18_fpn_movingshapes-tiny'),
    (('spots', 'raft_small_movingshapes-tiny'), 'expected an online video'),
    (('spots', 'spot_tracker.py', '--save', 'mot'), 'give both'),
    (('spots', 'spot_tracker.py', '--save', 'panoptic', '--out-dir', 'o'),
     'holds panoptic maps, but the model predicts tracks with masks'),
    (('absent', 'spot_tracker.py'), 'absent: no such file or folder'),
    (('spots', 'spot_tracker.py', 'a.pth'), 'a.pth: no such checkpoint'),
    (('spots', 'spot_tracker.py', 'a.pth', '--checkpoint', 'b.pth'),
     'two checkpoints'),
    (('spots', 'spot_tracker.py', '--out', 'a.avi'), 'end the name in .mp4'),
    (('spots', 'spot_tracker.py', '--fps', '-1'), 'fps must be above 0'),
    (('spots', 'spot_tracker.py', '--device', 'cuda:99'), 'is not here'),
    (('spots', 'spot_tracker.py', '--strip', 'a.xyz'), 'use .png or .jpg'),
    (('spots', 'spot_tracker.py', '--max-frames', '0'), 'must be >= 1'),
    (('spots', 'spot_tracker.py', '--detector', 'a.pth'),
     'SpotTracker has none of its own'),
    (('empty', 'spot_tracker.py'), 'the folder holds no image'),
    (('broken', 'spot_tracker.py'), '1.png: cannot be decoded'),
])
def test_errors_are_one_line(call, workplace, capsys, words, message):
    (workplace / 'empty').mkdir()
    (workplace / 'broken').mkdir()
    cv2.imwrite('broken/0.png', spot_frame(0))
    (workplace / 'broken/1.png').write_bytes(b'junk')
    with pytest.raises(SystemExit) as stop:
        call(*words)
    assert stop.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[-1] and lines[-1].startswith('error: ')
    assert not [n for n in os.listdir() if n.endswith('.mp4')]
