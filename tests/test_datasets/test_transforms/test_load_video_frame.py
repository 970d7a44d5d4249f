import mmcv
import numpy as np
import pytest

from mmvis_plugin.datasets.transforms import LoadVideoFrame
from mmvis_plugin.utils.errors import AnnotationError


@pytest.fixture
def frame(tmp_path):
    image = np.random.default_rng(0).integers(
        0, 255, (6, 9, 3), dtype=np.uint8)
    path = tmp_path / '00005.png'
    mmcv.imwrite(image, str(path))
    record = dict(
        img_path=str(path), height=6, width=9, video_name='v', frame_id=1)
    return record, image


def test_pixels_and_neutral_geometry(frame):
    record, image = frame
    results = LoadVideoFrame()(record)
    assert np.array_equal(results['img'], image)
    assert results['img_shape'] == results['ori_shape'] == (6, 9)
    assert results['scale_factor'] == (1., 1.)
    assert results['flip'] is False and results['flip_direction'] is None


def test_missing_frame_names_file_video_and_frame(frame):
    record, _ = frame
    record['img_path'] += '.gone'
    with pytest.raises(FileNotFoundError) as error:
        LoadVideoFrame()(record)
    assert str(error.value) == f'{record["img_path"]} (video v, frame 1)'


@pytest.mark.parametrize('content', [b'', b'no image at all'])
@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_frame_that_cannot_be_decoded(frame, content, backend):
    record, _ = frame
    with open(record['img_path'], 'wb') as stream:
        stream.write(content)
    with pytest.raises(AnnotationError) as error:
        LoadVideoFrame(imdecode_backend=backend)(record)
    assert str(error.value) == (
        f'{record["img_path"]} (video v, frame 1): cannot be decoded as an '
        f'image ({len(content)} bytes); replace the file')


def test_frame_of_another_size_than_its_record(frame):
    record, _ = frame
    record['width'] = 10
    with pytest.raises(AnnotationError) as error:
        LoadVideoFrame()(record)
    assert str(error.value) == (
        f'{record["img_path"]} (video v, frame 1): image size (6, 9), '
        'expected (6, 10) (height, width) as in the annotation file; frames '
        'of a video share one size')
