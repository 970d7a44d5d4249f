"""Transforms under the names and with the arguments of mmtrack 1.0.0rc1."""
from typing import Optional, Sequence, Union

from mmcv.transforms import BaseTransform

from mmvis_plugin.datasets.transforms import (LoadFrameAnnotations,
                                              PackClipInputs)


class LoadTrackAnnotations(LoadFrameAnnotations):
    """Load boxes, labels, track ids and masks of a frame.

    Boxes, labels and ids are always loaded. Ids are named
    ``gt_instances_ids``, as transforms of mmdet >= 3.1 know them, not
    ``gt_instances_id``.

    Args:
        with_mask (bool): Whether masks are loaded, as bitmaps. Defaults to
            False.
        with_bbox (bool): Not used. Defaults to True.
        with_label (bool): Not used. Defaults to True.
        with_instance_id (bool): Not used. Defaults to False.
        poly2mask (bool): Not used. Defaults to True.
        with_seg (bool): Must be False. Defaults to False.
    """

    def __init__(self,
                 with_mask: bool = False,
                 with_bbox: bool = True,
                 with_label: bool = True,
                 with_instance_id: bool = False,
                 poly2mask: bool = True,
                 with_seg: bool = False) -> None:
        if with_seg:
            raise ValueError('with_seg=True of LoadTrackAnnotations; for '
                             'panoptic maps use LoadFramePanoptic')
        super().__init__(with_mask=with_mask)


class PackTrackInputs(BaseTransform):
    """Pack a key frame and its references, or a frame, as a clip.

    The result is that of ``PackClipInputs``: frames in temporal order,
    whatever the order of the lists, and which of them are key frames in the
    metainfo ``key_frames_inds`` and ``ref_frames_inds``.

    Args:
        ref_prefix (str): Not used: all frames are in ``inputs``. Defaults
            to 'ref'.
        num_key_frames (int): How many frames, from the first of the lists,
            are key frames. Defaults to 1.
        pack_single_img (bool): Not used: a frame that is no list is a clip
            of one frame. Defaults to False.
        meta_keys (str | Sequence[str], optional): Further keys to pack as
            metainfo. Defaults to None.
        default_meta_keys (Sequence[str]): As ``meta_keys``. Defaults to ().

    Shape:
        - ``inputs``: ``(T, 3, H, W)`` uint8.
    """

    def __init__(
        self,
        ref_prefix: str = 'ref',
        num_key_frames: int = 1,
        pack_single_img: bool = False,
        meta_keys: Optional[Union[str, Sequence[str]]] = None,
        default_meta_keys: Sequence[str] = ()
    ) -> None:
        self.num_key_frames = num_key_frames
        if isinstance(meta_keys, str):
            meta_keys = (meta_keys, )
        self.pack = PackClipInputs((*default_meta_keys, *(meta_keys or ())))

    def transform(self, results: dict) -> dict:
        """Return ``inputs`` and ``data_samples`` of a clip.

        Args:
            results (dict): Of one frame, or lists with an entry per frame.
        """
        if not isinstance(results['img'], list):
            results = {key: [value] for key, value in results.items()}
        number = len(results['img'])
        order = sorted(range(number), key=results['frame_id'].__getitem__)
        results = {
            key: [values[t] for t in order]
            for key, values in results.items()
        }
        if number > self.num_key_frames:
            results['key_frame_flags'] = [
                t < self.num_key_frames for t in order
            ]
        return self.pack(results)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_key_frames='
                f'{self.num_key_frames}, pack={self.pack})')
