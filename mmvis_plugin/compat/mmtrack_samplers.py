"""Samplers under the names of mmtrack 1.0.0rc1."""
from itertools import groupby
from typing import Iterator, List, Optional, Sized, Tuple

from torch.utils.data import BatchSampler

from mmvis_plugin.datasets.samplers import VideoWindowSampler


class VideoSampler(VideoWindowSampler):
    """Walk through videos in order, frame by frame.

    Args:
        dataset (Sized): A ``KeyFrameDataset``, or a dataset of videos.
        seed (int, optional): Unused; runners pass it to every sampler.

    Differs from mmtrack: fewer videos than ranks are allowed.
    """

    def __init__(self, dataset: Sized, seed: Optional[int] = None) -> None:
        super().__init__(getattr(dataset, 'videos', dataset), window=1)


class EntireVideoBatchSampler(BatchSampler):
    """Make whole videos of the frames of a :class:`VideoSampler`.

    Args:
        sampler (VideoSampler): Base sampler.
        batch_size (int): Videos per batch; must be 1. Defaults to 1.
        drop_last (bool): Unused. Defaults to False.

    Differs from mmtrack: the batch is one clip of all frames, not as many
    samples as there are frames.
    """

    def __init__(self,
                 sampler: VideoSampler,
                 batch_size: int = 1,
                 drop_last: bool = False) -> None:
        if not isinstance(sampler, VideoWindowSampler):
            raise TypeError('EntireVideoBatchSampler got a '
                            f'{type(sampler).__name__}, expected '
                            "sampler=dict(type='VideoSampler')")
        if batch_size != 1:
            raise ValueError(f'batch_size={batch_size} with '
                             'EntireVideoBatchSampler, expected 1: a video')
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.batches: List[List[Tuple[int, int, int]]] = []
        for video, windows in groupby(sampler.indices, lambda w: w[0]):
            windows = list(windows)
            self.batches.append([(video, windows[0][1], windows[-1][2])])

    def __iter__(self) -> Iterator[List[Tuple[int, int, int]]]:
        """Iterate the videos of this rank."""
        return iter(self.batches)

    def __len__(self) -> int:
        """Return the number of videos of this rank."""
        return len(self.batches)
