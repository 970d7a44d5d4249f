import mmcv
import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.datasets.image_size import check_frame_size, image_size
from mmvis_plugin.utils.errors import AnnotationError


@pytest.mark.parametrize('orientation', range(1, 9))
def test_size_is_that_of_the_decoded_image(tmp_path, orientation):
    image = Image.fromarray(np.zeros((10, 20, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112] = orientation
    path = str(tmp_path / 'a.jpg')
    image.save(path, exif=exif)
    assert image_size(path) == mmcv.imread(path).shape[:2]


def test_files_that_are_no_images(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.jpg: no such file'):
        image_size(str(tmp_path / 'none.jpg'))
    for content in (b'', b'\x89PNG\r\n\x1a\n', b'text'):
        (tmp_path / 'a.png').write_bytes(content)
        with pytest.raises(AnnotationError, match='a.png: cannot be read as'):
            image_size(str(tmp_path / 'a.png'))


def test_size_of_the_record():
    frame = dict(img_path='a.jpg', video_name='v', frame_id=3)
    check_frame_size((4, 5), frame)
    frame.update(height=4, width=5)
    check_frame_size((4, 5), frame)
    with pytest.raises(AnnotationError) as error:
        check_frame_size((5, 4), frame)
    assert str(error.value) == (
        'a.jpg (video v, frame 3): image size (5, 4), expected (4, 5) '
        '(height, width) as in the annotation file; frames of a video share '
        'one size')
