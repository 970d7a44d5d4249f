import pytest

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError


def test_a_frame_without_pixels():
    results = TRANSFORMS.build(dict(type='SkipVideoFrame'))(
        dict(img_path='nowhere.jpg', height=45, width=70))
    assert results['img'].shape == (45, 70, 0) and results['img'].nbytes == 0
    assert results['img_shape'] == results['ori_shape'] == (45, 70)
    assert results['scale_factor'] == (1., 1.) and results['flip'] is False


def test_records_without_a_size():
    record = dict(img_path='a.jpg', video_name='one', frame_id=3, height=9)
    with pytest.raises(AnnotationError, match='no height and width') as info:
        TRANSFORMS.build(dict(type='SkipVideoFrame'))(record)
    assert str(info.value).startswith('a.jpg (video one, frame 3): ')
    assert '\n' not in str(info.value)
