import numpy as np

from mmvis_plugin.utils import memory


def test_resident_memory_counts_what_is_allocated():
    before = memory.resident_bytes()
    # large enough for memory of its own instead of what was freed before
    block = np.ones(2**24)
    assert memory.resident_bytes() - before > 0.9 * block.nbytes


def test_systems_that_tell_less(monkeypatch):

    def absent(*args, **kwargs):
        raise FileNotFoundError

    now = memory.resident_bytes()
    monkeypatch.setattr('builtins.open', absent)
    # the peak
    assert memory.resident_bytes() > 0.5 * now
    monkeypatch.setattr(memory, 'resource', None)
    assert memory.resident_bytes() == 0
