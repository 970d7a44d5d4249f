"""Broken inputs and wrong options end with one line and leave no file."""
import os

import numpy as np
import pytest

from mmvis_plugin.utils.errors import AnnotationError
from ..spot_tracker import spot_frame


@pytest.mark.parametrize('inputs, options, message', [
    ('absent.mp4', {}, 'absent.mp4: no such file or folder'),
    ([], {}, 'an empty list of frames'),
    (3.5, {}, 'frames of type float, expected a video file'),
    ([None], {}, 'frame 0 is a NoneType, expected an image file or a uint8'),
    ([np.zeros((4, 4), np.uint8)], {}, r'shape \(4, 4\), expected uint8'),
    (iter([]), {}, 'no frame could be read'),
    ([spot_frame(0), spot_frame(0, (80, 60))], {}, 'expected 60x80'),
    ([spot_frame(0)], dict(clip_len=0), 'clip_len must be >= 1'),
    ([spot_frame(0)], dict(max_frames=0), 'max_frames must be >= 1'),
    ([spot_frame(0)], dict(outputs=['gif'], out_dir='a'), "'gif' is unknown"),
    ([spot_frame(0)], dict(outputs=['video']), 'without out_dir'),
    ([spot_frame(0)], dict(outputs=['panoptic'], out_dir='a'),
     'a/preds/video_panoptic: this output holds panoptic maps, but'),
    (7, {}, 'cannot be opened as a camera'),
    (2, dict(stream=False), 'camera2 never ends: give max_frames'),
    (2, dict(stream=True, online=False), 'camera2 never ends'),
])
@pytest.mark.parametrize('stream', [False, True])
def test_broken_input_is_one_line(inferencer, tmp_path, monkeypatch, camera,
                                  inputs, options, message, stream):
    monkeypatch.chdir(tmp_path)
    options = dict(dict(stream=stream), **options)
    with pytest.raises((ValueError, FileNotFoundError),
                       match=message) as error:
        found = inferencer(inputs, **options)
        list(found)
    assert '\n' not in str(error.value)
    assert not os.listdir(tmp_path)


def test_error_in_the_middle_leaves_no_file(inferencer, folder, tmp_path):
    (folder / '2.png').write_bytes(b'junk')
    for online in (False, True):
        with pytest.raises(AnnotationError, match='2.png: cannot be decoded'):
            inferencer(
                folder,
                out_dir=tmp_path / 'o',
                online=online,
                outputs=['video', 'youtube_vis', 'mot', 'mots'])
    assert not [names for _, _, names in os.walk(tmp_path / 'o') if names]
