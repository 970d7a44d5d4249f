import mmap

from mmvis_plugin.utils import memory

SIZE = 2**27


def test_resident_memory_counts_what_is_allocated():
    before = memory.resident_bytes()
    # not what an allocator has kept of things before
    with mmap.mmap(-1, SIZE) as block:
        block.write(b'1' * SIZE)
        assert memory.resident_bytes() - before > 0.9 * SIZE


def test_systems_that_tell_less(monkeypatch):

    def absent(*args, **kwargs):
        raise FileNotFoundError

    now = memory.resident_bytes()
    monkeypatch.setattr('builtins.open', absent)
    # the peak
    assert memory.resident_bytes() > 0.5 * now
    monkeypatch.setattr(memory, 'resource', None)
    assert memory.resident_bytes() == 0
