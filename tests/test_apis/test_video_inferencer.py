import os
import weakref

import cv2
import numpy as np
import pytest
import torch

from mmvis_plugin.apis import VideoInferencer
from mmvis_plugin.utils.video_reader import VideoReader
from mmvis_plugin.visualization import TRACK_PALETTE
from ..spot_tracker import spot_config, spot_frame, write_config

NUM = 4  # frames of the fixtures


def check(predictions, num=NUM, atol=0.):
    assert [p['frame_id'] for p in predictions] == list(range(num))
    for t, found in enumerate(predictions):
        boxes = [[4 + 4 * t, 8, 24 + 4 * t, 28], [52, 36, 72, 56]]
        assert found['instances_id'] == [0, 2][:1 + (t >= 2)]
        np.testing.assert_allclose(
            found['bboxes'], boxes[:1 + (t >= 2)], atol=atol)
        assert len(found['masks']) == len(found['labels'])


@pytest.mark.parametrize('kind', [
    'video', 'folder', 'paths', 'arrays', 'array', 'iterator', 'url', 'camera',
    'reader'
])
@pytest.mark.parametrize('stream', [False, True])
def test_inputs(inferencer, request, kind, stream):
    arrays = [spot_frame(t) for t in range(NUM)]
    inputs = dict(
        arrays=arrays,
        array=np.stack(arrays),
        iterator=iter(arrays),
        reader=VideoReader(arrays)).get(kind)
    if kind in ('video', 'folder', 'url', 'camera'):
        inputs = request.getfixturevalue(kind)
    elif kind == 'paths':
        folder = request.getfixturevalue('folder')
        inputs = [folder / f'{t}.png' for t in range(NUM)]
    results = inferencer(
        inputs, stream=stream, return_vis=True, max_frames=NUM)
    if stream:
        results = list(results)
        predictions = [r['predictions'] for r in results]
        drawn = [r['visualization'] for r in results]
    else:
        predictions, drawn = results['predictions'], results['visualization']
    check(predictions, atol=3 if kind in ('video', 'url') else 0)
    assert len(drawn) == NUM and drawn[0].shape == (300, 400, 3)


@pytest.mark.parametrize('online', [False, True])
@pytest.mark.parametrize('clip_len', [1, 3, 9])
def test_results_do_not_depend_on_the_clips(inferencer, online, clip_len):
    frames = [spot_frame(t) for t in range(NUM)]
    found = inferencer(frames, online=online, clip_len=clip_len)
    check(found['predictions'])
    assert found['visualization'] == found['files'] == []


@pytest.mark.parametrize('clip_len', [1, 4])
def test_generator_holds_few_frames(inferencer, clip_len):
    born, most = [], 0

    def camera():
        for t in range(40):
            frame = spot_frame(t % 10)
            born.append(weakref.ref(frame))
            yield frame
            del frame

    for _ in inferencer(
            camera(), stream=True, clip_len=clip_len, return_vis=True):
        most = max(most, sum(ref() is not None for ref in born))
    assert len(born) == 40
    # those of a clip, and the one that the reader holds
    assert most <= clip_len + 2


def test_outputs_of_a_stream_grow_with_it(inferencer, tmp_path):
    stream = inferencer((spot_frame(t) for t in range(NUM)),
                        stream=True,
                        out_dir=tmp_path,
                        outputs=['frames', 'video', 'mot'],
                        video_name='a')
    next(stream)
    assert os.listdir(tmp_path / 'vis/a') == ['00000.png']
    assert not (tmp_path / 'vis/a.mp4').exists()
    next(stream)
    stream.close()  # a caller that stops early keeps what there is
    assert len(os.listdir(tmp_path / 'vis/a')) == 2
    assert inferencer.files == []
    capture = cv2.VideoCapture(str(tmp_path / 'vis/a.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 2
    assert len((tmp_path / 'preds/a_mot.txt').read_text().splitlines()) == 1


@pytest.mark.parametrize('options, files', [
    (dict(), ['vis/spots.mp4']),
    (dict(no_save_pred=False),
     ['preds/spots_youtube_vis.json', 'vis/spots.mp4']),
    (dict(no_save_vis=True), []),
    (dict(outputs='mots', no_save_pred=False), ['preds/spots_mots.txt']),
])
def test_files(inferencer, folder, tmp_path, options, files):
    found = inferencer(folder, out_dir=tmp_path / 'o', **options)['files']
    assert sorted(found) == [str(tmp_path / 'o' / name) for name in files]
    written = [
        os.path.relpath(os.path.join(root, name), tmp_path / 'o')
        for root, _, names in os.walk(tmp_path / 'o') for name in names
    ]
    assert sorted(written) == files


def test_overlay_has_the_rate_of_the_input(inferencer, video, tmp_path):
    av = pytest.importorskip('av')
    for fps, wanted in ((None, 13), (5, 5)):
        inferencer(video, out_dir=tmp_path, fps=fps)
        with av.open(str(tmp_path / 'vis/spots.mp4')) as container:
            stream = container.streams.video[0]
            assert stream.average_rate == wanted
            # what browsers play
            assert stream.codec_context.name == 'h264'
            assert stream.codec_context.pix_fmt == 'yuv420p'


def test_threshold_and_drawing(inferencer):
    inferencer.visualizer.alpha = 1.
    inferencer.visualizer.draw_label = False
    inferencer.visualizer.min_side = 0
    frames = [spot_frame(t) for t in range(2)]
    red = TRACK_PALETTE[0].tolist()

    def pixels(**options):
        found = inferencer(frames, return_vis=True, **options)
        return [image[18, 14].tolist() for image in found['visualization']]

    assert pixels() == [[255, 0, 0], red]  # 0.1 on the first frame
    assert pixels(pred_score_thr=0.05) == [red, red]
    assert pixels(draw_pred=False) == [[255, 0, 0]] * 2


def test_data_samples_and_printing(inferencer, capsys):
    found = inferencer([spot_frame(0)], return_datasamples=True)
    sample, = found['predictions']
    assert sample.pred_track_instances.instances_id.tolist() == [0]
    assert sample.video_name == 'video' and 'img_path' not in sample
    inferencer([spot_frame(0)], print_result=True)
    assert "'instances_id': [0]" in capsys.readouterr().out


def test_image_files_are_known_to_the_model(inferencer, folder):
    found = inferencer(folder, return_datasamples=True)['predictions']
    assert [f.img_path
            for f in found] == [str(folder / f'{t}.png') for t in range(NUM)]


def test_progress_is_shown_or_not(monkeypatch):
    shown = []

    class Progress:

        def __init__(self, total, label, visible):
            shown.append((total, label, visible))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def advance(self, steps=1):
            pass

    monkeypatch.setattr('mmvis_plugin.apis.inference_run.FrameProgress',
                        Progress)
    frames = [spot_frame(t) for t in range(3)]
    for visible in (True, False):
        VideoInferencer(
            spot_config(), device='cpu', show_progress=visible)(
                frames)
        assert shown == [(3, 'frames', visible), (3, 'results', visible)]
        shown.clear()


def test_model_from_its_weights_alone(tmp_path):
    model = VideoInferencer(write_config(tmp_path), device='cpu').model
    path = str(tmp_path / 'a.pth')
    torch.save(
        dict(
            state_dict=model.state_dict(),
            meta=dict(cfg=spot_config().pretty_text)), path)
    inferencer = VideoInferencer(weights=path, device='cpu', palette='coco')
    check(inferencer([spot_frame(t) for t in range(NUM)])['predictions'])
    assert inferencer.model.dataset_meta['palette'] == 'coco'


def test_names_of_the_zoo():
    names = VideoInferencer.list_models('movingshapes-tiny')
    assert 'inspro_r18_fpn_movingshapes-tiny' in names
