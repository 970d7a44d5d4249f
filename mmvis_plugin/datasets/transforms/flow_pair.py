"""Transforms of pairs of images and the flow between them."""
from typing import List, Tuple

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.structures import read_flow
from .load_video_frame import LoadVideoFrame


@TRANSFORMS.register_module()
class LoadFlowPair(BaseTransform):
    """Load both images and the flow from the first to the second.

    Shape:
        - ``imgs``: ``(2, H, W, 3)`` uint8, RGB.
        - ``flow``: ``(2, H, W)`` float32; ``flow_valid``: ``(H, W)`` bool.
    """

    def __init__(self) -> None:
        self.load_frame = LoadVideoFrame()

    def transform(self, results: dict) -> dict:
        """Add ``imgs``, ``flow``, ``flow_valid`` and the size.

        Args:
            results (dict): ``img_paths`` and ``flow_path``.

        Raises:
            FileNotFoundError: If a file is missing.
            AnnotationError: If one cannot be read, or the images have
                another size than the flow.
        """
        flow, valid = read_flow(results['flow_path'])
        imgs = []
        for i, path in enumerate(results['img_paths']):
            record = dict(
                img_path=path,
                height=valid.shape[0],
                width=valid.shape[1],
                video_name=results['flow_path'],
                frame_id=i)
            imgs.append(self.load_frame(record)['img'][..., ::-1])
        results.update(
            imgs=np.stack(imgs),
            flow=flow,
            flow_valid=valid,
            ori_shape=valid.shape,
            img_shape=valid.shape,
            flip=False,
            flip_direction=None)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class RandomFlipFlowPair(BaseTransform):
    """Mirror both images; the flow across the mirror changes its sign.

    Args:
        prob (float): Probability of a horizontal flip. Defaults to 0.5.
        vertical_prob (float): Of a vertical one, drawn apart.
            Defaults to 0.
    """

    def __init__(self, prob: float = 0.5, vertical_prob: float = 0.) -> None:
        self.prob = prob
        self.vertical_prob = vertical_prob

    def transform(self, results: dict) -> dict:
        """Flip ``imgs``, ``flow`` and ``flow_valid``.

        Args:
            results (dict): Of :class:`LoadFlowPair`.
        """
        names = []
        draws = np.random.rand(2)
        # axis of all arrays from behind, component of the flow
        for draw, prob, axis, name in ((draws[0], self.prob, 1, 'horizontal'),
                                       (draws[1], self.vertical_prob, 2,
                                        'vertical')):
            if draw >= prob:
                continue
            names.append(name)
            results['imgs'] = np.flip(results['imgs'], -1 - axis)
            for key in ('flow', 'flow_valid'):
                results[key] = np.flip(results[key], -axis)
            sign = np.where(np.arange(2) == axis - 1, -1, 1)
            results['flow'] = results['flow'] * sign.astype(
                np.float32)[:, None, None]
        if names:
            results['flip'] = True
            results['flip_direction'] = names[0] if len(
                names) == 1 else 'diagonal'
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, '
                f'vertical_prob={self.vertical_prob})')


@TRANSFORMS.register_module()
class RandomCropFlowPair(BaseTransform):
    """Cut a window out of both images.

    What moves out of the window stays valid: the network may guess where it
    is, as for flow that leaves the image in the published training.

    With ``max_shift`` the window of the second image is another one. Flow
    changes by the difference, exactly: pairs with little motion become pairs
    with much.

    Args:
        size (tuple[int, int]): Height and width; images that are smaller
            stay whole along that side.
        max_shift (int): Most pixels per axis between both windows, as far
            as the image reaches. Defaults to 0.
    """

    def __init__(self, size: Tuple[int, int], max_shift: int = 0) -> None:
        self.size = tuple(size)
        self.max_shift = max_shift

    def transform(self, results: dict) -> dict:
        """Crop ``imgs``, ``flow`` and ``flow_valid``.

        Args:
            results (dict): Of :class:`LoadFlowPair`.
        """
        windows: List[List[slice]] = [[], []]
        for side, wanted in zip(results['flow_valid'].shape, self.size):
            kept = min(wanted, side)
            first = np.random.randint(side - kept + 1)
            shift = np.random.randint(-self.max_shift, self.max_shift + 1)
            second = np.clip(first + shift, 0, side - kept)
            for window, start in zip(windows, (first, second)):
                window.append(slice(start, start + kept))
        rows, columns = windows[0]
        shift = [b.start - a.start for a, b in zip(*windows)]
        results['imgs'] = np.stack([
            img[tuple(window)] for img, window in zip(results['imgs'], windows)
        ])
        flow = results['flow'][:, rows, columns]
        results['flow'] = flow - np.float32(shift[::-1])[:, None, None]
        results['flow_valid'] = results['flow_valid'][rows, columns]
        results['img_shape'] = results['flow_valid'].shape
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, '
                f'max_shift={self.max_shift})')


@TRANSFORMS.register_module()
class PackFlowPair(BaseTransform):
    """Turn a pair into what :class:`FlowEstimator` takes.

    Args:
        meta_keys (tuple[str]): Entries that go along as metainfo.
    """

    def __init__(
        self,
        meta_keys: Tuple[str, ...] = ('img_paths', 'flow_path', 'ori_shape',
                                      'img_shape', 'flip', 'flip_direction')
    ) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack images and flow.

        Args:
            results (dict): Of :class:`LoadFlowPair`.

        Returns:
            dict: ``inputs`` uint8 ``(2, 3, H, W)``, RGB, and
            ``data_samples`` with ``gt_flow``: ``flow`` ``(2, H, W)`` and
            ``valid`` ``(1, H, W)``.
        """
        imgs = np.ascontiguousarray(results['imgs'].transpose(0, 3, 1, 2))
        sample = DetDataSample(metainfo={
            key: results[key]
            for key in self.meta_keys if key in results
        })
        flow, valid = (
            np.ascontiguousarray(results[key])
            for key in ('flow', 'flow_valid'))
        sample.gt_flow = PixelData(
            flow=torch.from_numpy(flow), valid=torch.from_numpy(valid)[None])
        return dict(inputs=torch.from_numpy(imgs), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
