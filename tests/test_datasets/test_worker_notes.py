"""What a worker is loading is known to the process that it works for."""
import os
import time

import pytest
from torch.utils.data import DataLoader, Dataset

from mmvis_plugin.datasets.seeded_draws import Draw, SeededDataset
from mmvis_plugin.datasets.worker_notes import WorkerNotes


class Waiting(Dataset):
    """Samples, of which number 5 takes until a file is there."""

    def __init__(self, path, records=()) -> None:
        self.path = str(path)
        self.records = records

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index):
        number = index[0] if isinstance(index, tuple) else index
        while number == 5 and not os.path.exists(self.path):
            time.sleep(0.01)
        return os.getpid()


class Named(Waiting):
    """The same with records."""

    def get_data_info(self, index: int) -> dict:
        """Return the record."""
        return self.records[index]


def notes_of(dataset, index):
    """Return what is noted while a worker loads, and afterwards."""
    seeded = SeededDataset(dataset, num_workers=1)
    loader = DataLoader(
        seeded,
        batch_size=None,
        sampler=[Draw(1, 0), Draw(index, 0),
                 Draw(2, 0)],
        num_workers=1,
        prefetch_factor=1,
        persistent_workers=True)
    batches = iter(loader)
    pid = next(batches)
    end = time.monotonic() + 60
    while not seeded.loaded_by(pid) and time.monotonic() < end:
        time.sleep(0.01)
    during = seeded.loaded_by(pid)
    open(dataset.path, 'w').close()
    assert list(batches) == [pid, pid]
    assert seeded.loaded_by(pid) == '' == seeded.loaded_by(pid + 1)
    return during


@pytest.mark.parametrize('index', [5, (5, 2)])
@pytest.mark.parametrize('record, text', [
    (dict(video_name='cat', img_path='x'), 'sample 5 (video cat)'),
    (dict(img_path='a/b.jpg'), 'sample 5 (a/b.jpg)'),
    (dict(), 'sample 5'),
])
def test_names(tmp_path, index, record, text):
    assert notes_of(Named(tmp_path / 'go', [record] * 9), index) == text


def test_a_dataset_without_records(tmp_path):
    assert notes_of(Waiting(tmp_path / 'go'), 5) == 'sample 5'


def test_nothing_is_noted_in_the_main_process():
    notes = WorkerNotes(0)
    with notes.loading(3):
        assert notes.index_of(os.getpid()) is None
