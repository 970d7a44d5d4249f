import numpy as np

from mmvis_plugin.visualization.track_trails import TrackTrails


def test_trail_holds_the_last_points():
    trails = TrackTrails(length=3)
    for t in range(5):
        lines = trails.update([7, 9], np.array([[t, 0], [0, t]]))
    np.testing.assert_array_equal(lines[0], [[2, 0], [3, 0], [4, 0]])
    np.testing.assert_array_equal(lines[1], [[0, 2], [0, 3], [0, 4]])


def test_short_gap_is_bridged_and_long_absence_is_not():
    for gap, points in ((0, 2), (5, 2), (6, 1)):
        trails = TrackTrails(length=10, max_gap=5)
        trails.update([1], np.array([[0, 0]]))
        for _ in range(gap):
            trails.update([], np.zeros((0, 2)))
        lines = trails.update([1], np.array([[5, 5]]))
        assert len(lines[0]) == points


def test_memory_is_bounded_by_living_tracks():
    trails = TrackTrails(length=4, max_gap=2)
    for t in range(500):
        trails.update([t], np.zeros((1, 2)))
        assert len(trails) <= 4


def test_reset_forgets():
    trails = TrackTrails(length=4)
    trails.update([1], np.zeros((1, 2)))
    trails.reset()
    assert len(trails) == 0
    assert len(trails.update([1], np.ones((1, 2)))[0]) == 1
