"""Read the pixels of one frame of a video."""
from typing import Optional

import mmcv
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError
from ..image_size import check_frame_size, frame_name


@TRANSFORMS.register_module()
class LoadVideoFrame(BaseTransform):
    """Load a frame and hold it against its record.

    A frame that is missing, cannot be decoded or has another size than its
    record ends with one line that names it; nothing is skipped silently.

    Args:
        color_type (str): Flag of ``mmcv.imfrombytes``. Defaults to 'color'.
        imdecode_backend (str): Decoder of mmcv. Defaults to 'cv2'.
        backend_args (dict, optional): Arguments of the file backend.

    Shape:
        - ``img``: ``(H, W, 3)`` uint8, BGR.
    """

    def __init__(self,
                 color_type: str = 'color',
                 imdecode_backend: str = 'cv2',
                 backend_args: Optional[dict] = None) -> None:
        self.color_type = color_type
        self.imdecode_backend = imdecode_backend
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add ``img``, its shapes and neutral values of the geometry.

        Args:
            results (dict): ``img_path`` and, of the record, ``height``,
                ``width``, ``video_name`` and ``frame_id``.

        Raises:
            FileNotFoundError: If the file is missing.
            AnnotationError: If it is no image, or of another size.
        """
        path = results['img_path']
        where = frame_name(results)
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError:
            raise FileNotFoundError(where) from None
        img = self._decode(content)
        if img is None:
            raise AnnotationError(
                f'{where}: cannot be decoded as an image ({len(content)} '
                'bytes); replace the file')
        found = img.shape[:2]
        check_frame_size(found, results)
        results.update(
            img=img,
            img_shape=found,
            ori_shape=found,
            scale_factor=(1., 1.),
            flip=False,
            flip_direction=None)
        return results

    def _decode(self, content: bytes):
        try:
            return mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend)
        except Exception:  # each decoder has errors of its own
            return None

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(color_type={self.color_type!r}, '
                f'imdecode_backend={self.imdecode_backend!r}, '
                f'backend_args={self.backend_args})')
