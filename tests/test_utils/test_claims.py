import json
import os
import threading
from multiprocessing import get_context

import pytest

from mmvis_plugin.utils import claims as module
from mmvis_plugin.utils.claims import FREE, LIVE, UNKNOWN, Claims, this_process


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when the test says so."""
    now = [0.]
    monkeypatch.setattr(module.time, 'monotonic', lambda: now[0])
    return now


def files(folder):
    return sorted(os.listdir(folder))


def put(claims, name, number, **holder):
    """Leave a claim of another process; return its path."""
    path = f'{claims._stem(name)}.{number}'
    with open(path, 'w') as file:
        json.dump(dict(this_process(), **holder), file)
    return path


def test_one_holder_at_a_time(tmp_path):
    claims, others = Claims(str(tmp_path)), Claims(str(tmp_path))
    claim = claims.take('a')
    assert claim is not None and claim.number == 0
    assert others.take('a') is None and others.state('a') == LIVE
    assert others.take('b') is not None
    with claim:
        assert claim.holds()
    assert others.state('a') == FREE and len(files(tmp_path)) == 1
    assert others.take('a').number == 0


def test_a_process_of_this_machine_that_was_killed(tmp_path):
    folder = str(tmp_path)

    def take_and_die():
        Claims(folder).take('a')
        os._exit(9)

    process = get_context('fork').Process(target=take_and_die)
    process.start()
    process.join()
    assert len(files(tmp_path)) == 1
    claim = Claims(folder).take('a')
    assert claim.number == 1 and len(files(tmp_path)) == 2
    with claim:
        pass
    assert not files(tmp_path)


def test_another_process_got_the_same_id(tmp_path):
    claims = Claims(str(tmp_path))
    put(claims, 'a', 0, started='1')
    assert claims.take('a').number == 1


def test_signs_of_life_of_another_machine(tmp_path, clock):
    claims = Claims(str(tmp_path), stale_after=100)
    path = put(claims, 'a', 0, machine='far')
    assert claims.state('a') == UNKNOWN
    clock[0] = 99
    assert claims.state('a') == UNKNOWN and claims.take('a') is None
    os.utime(path, ns=(1, 1))  # whatever the clock there says
    assert claims.state('a') == LIVE
    clock[0] = 198
    assert claims.state('a') == LIVE
    clock[0] = 199
    assert claims.state('a') == FREE
    assert claims.take('a').number == 1


def test_killed_before_it_could_sign(tmp_path, clock):
    claims = Claims(str(tmp_path), stale_after=100)
    open(f'{claims._stem("a")}.0', 'w').close()
    assert claims.take('a') is None
    clock[0] = 100
    assert claims.take('a').number == 1


def test_only_one_takes_over(tmp_path):
    claims = Claims(str(tmp_path))
    put(claims, 'a', 0, pid=2**22 + 1)
    found = []
    start = threading.Barrier(8)

    def take():
        start.wait()
        found.append(Claims(str(tmp_path)).take('a'))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [claim.number for claim in found if claim] == [1]


def test_judged_before_another_took_over(tmp_path, monkeypatch):
    claims, others = Claims(str(tmp_path)), Claims(str(tmp_path))
    put(claims, 'a', 0, pid=2**22 + 1)
    judged = claims._judged

    def slow(path):
        state = judged(path)
        assert others.take('a').number == 1
        return state

    monkeypatch.setattr(claims, '_judged', slow)
    assert claims.take('a') is None


def test_a_suspended_process_learns_of_its_loss(tmp_path):
    claims = Claims(str(tmp_path))
    with claims.take('a') as claim:
        assert claim.holds()
        path = put(claims, 'a', 1)
        assert not claim.holds()
    # that of its successor stays
    assert os.listdir(tmp_path) == [os.path.basename(path)]


def test_it_shows_signs_of_life(tmp_path, monkeypatch):
    claim = Claims(str(tmp_path), stale_after=0.06).take('a')
    os.utime(claim.path, ns=(1, 1))
    seen = threading.Event()
    utime = os.utime
    monkeypatch.setattr(module.os, 'utime', lambda path:
                        (utime(path), seen.set()))
    with claim:
        assert seen.wait(20)
    assert not files(tmp_path)
