"""Draw training videos from several datasets by ratio."""
from typing import Iterator, Optional, Sequence

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmvis_plugin.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class JointVideoSampler(Sampler):
    """Draw a dataset by ratio, then the next video of its shuffled list.

    Every dataset is walked through in a random order that starts anew when
    it is used up. All ranks draw the same order and take every n-th item.

    Args:
        dataset (ConcatDataset): Datasets side by side, for example
            ``JointVideoDataset``.
        ratio (Sequence[float], optional): Weight per dataset. Defaults to
            equal weights, i.e. 1:1.
        epoch_length (int, optional): Draws per epoch over all ranks, rounded
            up to a multiple of the ranks. Defaults to the number of videos.
        seed (int, optional): Seed, equal on all ranks.

    Differs from ``TrackImgSampler`` of mmdet: indices carry the offset of
    their dataset.
    """

    def __init__(self,
                 dataset,
                 ratio: Optional[Sequence[float]] = None,
                 epoch_length: Optional[int] = None,
                 seed: Optional[int] = None) -> None:
        if not hasattr(dataset, 'datasets'):
            raise TypeError(
                f'JointVideoSampler got a {type(dataset).__name__}, expected '
                'a JointVideoDataset')
        self.sizes = [len(part) for part in dataset.datasets]
        self.offsets = np.cumsum([0, *self.sizes[:-1]])
        weights = np.asarray(
            [1.] * len(self.sizes) if ratio is None else ratio, dtype=float)
        if (weights.shape != (len(self.sizes), ) or (weights < 0).any()
                or weights.sum() <= 0):
            raise ValueError(
                f'ratio={ratio} of JointVideoSampler, expected '
                f'{len(self.sizes)} numbers >= 0, one per dataset')
        self.ratio = weights / weights.sum()
        self.rank, self.world_size = get_dist_info()
        length = epoch_length or sum(self.sizes)
        self.num_samples = -(-length // self.world_size)
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        """Iterate the video indices of this rank."""
        rng = np.random.default_rng([self.seed, self.epoch])
        total = self.num_samples * self.world_size
        sources = rng.choice(len(self.sizes), size=total, p=self.ratio)
        order = np.empty(total, dtype=np.int64)
        for source, (size, offset) in enumerate(zip(self.sizes, self.offsets)):
            places = np.flatnonzero(sources == source)
            rounds = -(-len(places) // size)
            walk = [rng.permutation(size) for _ in range(rounds)]
            if walk:
                order[places] = np.concatenate(walk)[:len(places)] + offset
        return iter(order[self.rank::self.world_size].tolist())

    def __len__(self) -> int:
        """Return the number of draws of this rank."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration.

        Args:
            epoch (int): Epoch number.
        """
        self.epoch = epoch
