import numpy as np
import pytest

from mmvis_plugin.visualization import text
from mmvis_plugin.visualization.label_layout import (leader, place_at,
                                                     place_inside, place_near)

FRAME, CHIP = (100, 80), (30, 10)
BOX = np.array([40., 40, 60, 60])


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize('taken, wanted', [
    ([], (40, 30, 70, 40)),
    ([(69, 39, 99, 49)], (40, 60, 70, 70)),
    ([(40, 39, 50, 40), (40, 60, 50, 61)], (40, 40, 70, 50)),
    ([(40, 30, 41, 50), (40, 60, 50, 61)], (40, 50, 70, 60)),
    ([(0, 0, 100, 80)], None),
])
def test_places_at_a_box_in_their_order(taken, wanted):
    assert place_at(BOX, CHIP, FRAME, taken) == wanted


def test_nearest_free_place():
    taken = [(0, 0, 100, 70)]
    assert place_near(BOX, CHIP, FRAME,
                      taken) in [(x, 70, x + 30, 80) for x in (20, 30, 40, 50)]
    assert place_near(BOX, CHIP, FRAME, [(0, 0, 100, 71)]) is None
    assert place_near(BOX, (200, 100), FRAME, []) == (0, 0, 100, 80)


def test_deepest_place_of_a_region():
    region = np.zeros((40, 50), np.uint8)  # half of the frame's size
    region[10:40, 0:20] = 1
    x1, y1, x2, y2 = place_inside(region, CHIP, FRAME, [])
    assert 4 <= x1 <= 6 and x2 <= 36 and 30 <= y1 and y2 <= 70
    region[:, 25:50] = 1
    region[10:40, 0:20] = 0
    x1, y1, x2, y2 = place_inside(region, CHIP, FRAME, [(0, 25, 100, 80)])
    assert 50 <= x1 and y2 <= 25
    assert place_inside(region, CHIP, FRAME, [(0, 0, 100, 80)]) is None
    assert place_inside(region[:6, :6] * 0, CHIP, FRAME, []) is None


def test_lines_join_labels_to_boxes_that_they_do_not_touch():
    assert leader((40, 30, 70, 40), BOX) is None
    assert leader((45, 45, 75, 55), BOX) is None
    assert leader((0, 0, 30, 10), BOX) == ((30, 10), (40, 40))
    assert leader((40, 66, 70, 76), BOX) == ((50, 66), (50, 60))


@pytest.mark.parametrize('num', [12, 30])
def test_labels_of_a_crowd_stay_readable(monkeypatch, num):
    drawn = []
    monkeypatch.setattr(
        text, '_draw_chip', lambda image, rect, line, *_: drawn.append(
            (rect, line)))
    rng = np.random.default_rng(num)
    corners = rng.uniform(120, 160, (num, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 50, (num, 2))],
                           axis=1)
    image = np.full((288, 480, 3), 90, np.uint8)
    names = [f'motorcycle #{i} 0.35' for i in range(num)]
    taken = [(0, 270, 90, 288)]
    text.draw_labels(image, names, boxes, np.full((num, 3), 200, np.uint8), 11,
                     taken, [f'#{i}' for i in range(num)])
    assert len(drawn) == num and len(taken) == num + 1
    for i, one in enumerate(taken):
        assert not any(overlap(one, other) for other in taken[:i])
    lines = [line for _, line in drawn]
    assert lines[0] == names[0]
    assert {line.split('#')[1].split()[0]
            for line in lines} == set(map(str, range(num)))
    if num == 30:
        assert '#29' in lines


def test_labels_that_find_no_place_are_left_out():
    image = np.full((30, 60, 3), 90, np.uint8)
    boxes = np.array([[5., 5, 20, 20]] * 40)
    taken = []
    text.draw_labels(image, ['cat'] * 40, boxes, np.full((40, 3), 200,
                                                         np.uint8), 11, taken)
    assert 1 <= len(taken) < 10
