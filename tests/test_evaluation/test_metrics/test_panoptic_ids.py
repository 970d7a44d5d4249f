import pytest

from mmvis_plugin.evaluation.metrics import panoptic_ids
from mmvis_plugin.evaluation.metrics.panoptic_ids import PanopticIds


def test_numbers_by_first_appearance():
    ids = PanopticIds()
    assert [ids.get(13, track, True) for track in (7, 3, 7, 0, 3)
            ] == [14001, 14002, 14001, 14003, 14002]
    # each category counts by itself; a track of two classes is two objects
    assert ids.get(11, 3, True) == 12001
    assert ids.get(0, 0, False) == 1 and ids.get(10, 0, False) == 11
    assert ids.get(10, 0, False) == 11
    assert PanopticIds().get(13, 3, True) == 14001


def test_what_does_not_fit_goes_above():
    ids = PanopticIds()
    many = [ids.get(60, track, True) for track in range(1001)]
    assert many[:999] == list(range(61001, 62000))
    assert many[999:] == [2**20 + 1, 2**20 + 2]
    assert [ids.get(5, track, False)
            for track in (0, 4, 0)] == [6, 2**20 + 3, 6]
    assert ids.get(61, 0, True) == 62001


def test_the_end_of_the_ids(monkeypatch):
    monkeypatch.setattr(panoptic_ids, '_LIMIT', 2**20 + 2)
    ids = PanopticIds()
    assert ids.get(5, 1, False) == 6 and ids.get(5, 2, False) == 2**20 + 1
    with pytest.raises(ValueError, match='category 5: no free id below'):
        ids.get(5, 3, False)
