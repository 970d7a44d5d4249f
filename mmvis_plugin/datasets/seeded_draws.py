"""A training stream in which every sample has its own seed."""
from typing import Any, Iterator, List, NamedTuple, Optional, Sized

from torch.utils.data import BatchSampler, DataLoader

from mmvis_plugin.utils.seeding import derive_seed, seed_process
from .worker_notes import WorkerNotes

_SAMPLE_STREAM = 0


class Draw(NamedTuple):
    """One draw of the sampler.

    Attributes:
        index (Any): What the sampler yielded, handed on to the dataset.
        seed (int): Seed of the sample's augmentation.
    """

    index: Any
    seed: int


class SeededDataset:
    """Load the sample of a :class:`Draw` under the seed of the draw.

    Random augmentation then depends on the draw alone: not on the number of
    workers, not on which worker loads it, not on what was loaded before.
    Every other attribute is the wrapped dataset's.

    Args:
        dataset (Sized): A map-style dataset.
        num_workers (int): Of the loader. Defaults to 0.
    """

    def __init__(self, dataset: Sized, num_workers: int = 0) -> None:
        self.dataset = dataset
        self.notes = WorkerNotes(num_workers)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Draw) -> Any:
        seed_process(draw.seed)
        with self.notes.loading(draw.index):
            return self.dataset[draw.index]

    def loaded_by(self, pid: int) -> str:
        """Name the sample that a worker is loading, or was when it died.

        Args:
            pid (int): Process of the worker.

        Returns:
            str: With the name of its video or image where the dataset
            knows; empty if nothing is known.
        """
        index = self.notes.index_of(pid)
        if index is None:
            return ''
        record = {}
        if hasattr(self.dataset, 'get_data_info'):
            record = self.dataset.get_data_info(index)
        if 'video_name' in record:
            return f'sample {index} (video {record["video_name"]})'
        if 'img_path' in record:
            return f'sample {index} ({record["img_path"]})'
        return f'sample {index}'

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset':  # not set yet while a worker unpickles
            raise AttributeError(name)
        return getattr(self.dataset, name)


class SeededBatches:
    """Endless batches of :class:`Draw` that can start anywhere.

    A sampler that ends is started again with the next epoch number. Nothing
    is drawn before ``start``, the number of the first batch, is set: an
    endless sampler cannot be rewound.

    Args:
        batches (BatchSampler): Yields lists of indices.
        seed (int): Seed of the run.
        rank (int): Rank of the process. Defaults to 0.
    """

    def __init__(self,
                 batches: BatchSampler,
                 seed: int,
                 rank: int = 0) -> None:
        self.batches = batches
        self.seed = seed
        self.rank = rank
        self.start: Optional[int] = None

    @property
    def sampler(self) -> Any:
        """The sampler below, which mmengine's hooks look for."""
        return self.batches.sampler

    @property
    def batch_size(self) -> int:
        """Samples per batch, from which mmengine scales learning rates."""
        return self.batches.batch_size

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[List[Draw]]:
        if self.start is None:
            return
        for number, indices in enumerate(self._endless()):
            if number >= self.start:
                yield [
                    Draw(
                        index,
                        derive_seed(self.seed, self.rank, _SAMPLE_STREAM,
                                    number, place))
                    for place, index in enumerate(indices)
                ]

    def _endless(self) -> Iterator[List[Any]]:
        epoch = 0
        while True:
            if hasattr(self.sampler, 'set_epoch'):
                self.sampler.set_epoch(epoch)
            empty = True
            for indices in self.batches:
                empty = False
                yield indices
            if empty:
                raise ValueError(
                    'the training sampler yields no batch; the dataset has '
                    'fewer samples than one batch and drop_last is on: set '
                    'train_dataloader.batch_size lower or drop_last=False')
            epoch += 1


def seeded_loader(loader: DataLoader, seed: int, rank: int = 0) -> DataLoader:
    """Return a loader of the same samples as an endless stream of draws.

    Args:
        loader (DataLoader): Map-style loader that makes batches.
        seed (int): Seed of the run.
        rank (int): Rank of the process. Defaults to 0.

    Returns:
        DataLoader: Its ``batch_sampler`` is a :class:`SeededBatches`.

    Raises:
        ValueError: The loader makes no batches.
    """
    if loader.batch_sampler is None:
        raise ValueError('train_dataloader.batch_size is None; a training '
                         'loader has to make batches: give it a number')
    return DataLoader(
        SeededDataset(loader.dataset, loader.num_workers),
        batch_sampler=SeededBatches(loader.batch_sampler, seed, rank),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers)
