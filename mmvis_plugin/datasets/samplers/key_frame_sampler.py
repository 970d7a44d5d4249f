"""Draw every annotated frame once as a key frame."""
from typing import Iterator, Optional, Tuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmvis_plugin.registry import DATA_SAMPLERS
from ..video_filters import has_target


@DATA_SAMPLERS.register_module()
class KeyFrameSampler(Sampler):
    """Yield ``(video, frame)`` of every frame with an object, once per epoch.

    The frame is the key frame of a training clip; ``ClipSample`` draws the
    others around it, among all frames of the video. All ranks draw the same
    order and take every n-th item; it is repeated from its start up to a
    multiple of the ranks.

    Args:
        dataset (VideoSegDataset | JointVideoDataset): Training data.
        shuffle (bool): Whether the order is random. Defaults to True.
        seed (int, optional): Seed, equal on all ranks.

    Differs from ``TrackImgSampler`` of mmdet: several datasets side by side
    work, and frames without objects are no key frames without having to be
    removed from their video.
    """

    def __init__(self,
                 dataset,
                 shuffle: bool = True,
                 seed: Optional[int] = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.frames = np.array(
            [(video, frame) for video in range(len(dataset))
             for frame, image in enumerate(
                 dataset.get_data_info(video)['images']) if has_target(image)],
            np.int32).reshape(-1, 2)
        if len(self.frames) == 0:
            raise ValueError('KeyFrameSampler: no frame of the data set has '
                             'an object, expected annotated training data')
        self.num_samples = -(-len(self.frames) // self.world_size)

    def __iter__(self) -> Iterator[Tuple[int, int]]:
        """Iterate the key frames of this rank."""
        order = np.arange(len(self.frames))
        if self.shuffle:
            order = np.random.default_rng([self.seed,
                                           self.epoch]).permutation(order)
        order = np.resize(order, self.num_samples * self.world_size)
        for index in order[self.rank::self.world_size]:
            yield tuple(self.frames[index].tolist())

    def __len__(self) -> int:
        """Return the number of key frames of this rank."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration.

        Args:
            epoch (int): Epoch number.
        """
        self.epoch = epoch
