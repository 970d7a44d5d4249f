"""Frames of MovingShapes are rendered instead of read."""
import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.transforms import LoadSyntheticFrames


def test_pixels_are_those_of_the_generator_in_bgr():
    cfg = get_cfg('micro')
    expected = generate_video(cfg, 'val', 1).frames[2]
    result = LoadSyntheticFrames()(dict(synth_source=(cfg, 'val', 1, 2)))
    assert np.array_equal(result['img'][..., ::-1], expected)
    assert result['ori_shape'] == result['img_shape'] == expected.shape[:2]
    assert result['scale_factor'] == (1., 1.) and result['flip'] is False


def test_a_frame_from_a_file_is_refused():
    with pytest.raises(KeyError) as info:
        LoadSyntheticFrames()(dict(img_path='a/00000.jpg'))
    assert 'a/00000.jpg: no synth_source' in info.value.args[0]
    assert 'LoadVideoFrame' in info.value.args[0]
