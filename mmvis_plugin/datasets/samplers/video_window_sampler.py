"""Walk through videos in order, in windows of frames."""
from typing import Iterator, Optional, Sized, Tuple

from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from mmvis_plugin.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class VideoWindowSampler(Sampler):
    """Yield ``(video, start, stop)``, ``stop`` excluded, in temporal order.

    A video stays on one rank. Ranks may get different numbers of videos, or
    none: nothing is repeated to fill up, so no video counts twice.

    Args:
        dataset (Sized): A dataset with ``get_len_per_video``.
        window (int, optional): Frames per item: None for whole videos, 1 for
            frame by frame. Defaults to None.
        seed (int, optional): Unused; runners pass it to every sampler.

    Differs from ``TrackImgSampler`` of mmdet: windows of any length, and
    fewer videos than ranks are allowed.
    """

    def __init__(self,
                 dataset: Sized,
                 window: Optional[int] = None,
                 seed: Optional[int] = None) -> None:
        if window is not None and (not isinstance(window, int) or window < 1):
            raise ValueError(f'window={window!r} of VideoWindowSampler, '
                             'expected None or a number of frames >= 1')
        if not hasattr(dataset, 'get_len_per_video'):
            raise TypeError(
                f'VideoWindowSampler got a {type(dataset).__name__}, '
                'expected a dataset of videos such as VideoSegDataset')
        rank, world_size = get_dist_info()
        self.indices = []
        for video in range(rank, len(dataset), world_size):
            length = dataset.get_len_per_video(video)
            step = window or length
            self.indices.extend((video, start, min(start + step, length))
                                for start in range(0, length, step))

    def __iter__(self) -> Iterator[Tuple[int, int, int]]:
        """Iterate the windows of this rank."""
        return iter(self.indices)

    def __len__(self) -> int:
        """Return the number of windows of this rank."""
        return len(self.indices)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the order never changes.

        Args:
            epoch (int): Epoch number.
        """
