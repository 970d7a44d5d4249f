import math

import numpy as np
import pytest
import torch

from mmvis_plugin.models.panoptic_fcn import (ImageTargets, SemanticClasses,
                                              build_targets)
from mmvis_plugin.models.panoptic_fcn.stuff_targets import (soft_labels,
                                                            stuff_targets,
                                                            to_canvas)
from mmvis_plugin.models.panoptic_fcn.thing_targets import (center_radius,
                                                            thing_targets)


def published_radius(width, height, overlap):
    """The smallest of three roots, each divided by 2."""
    roots = []
    for a, b, c in (
        (1, height + width, width * height * (1 - overlap) / (1 + overlap)),
        (4, 2 * (height + width), (1 - overlap) * width * height),
        (4 * overlap, -2 * overlap * (height + width),
         (overlap - 1) * width * height),
    ):
        roots.append((b + math.sqrt(b**2 - 4 * a * c)) / 2)
    return max(0, int(min(roots)))


@pytest.mark.parametrize('overlap', [0.5, 0.7, 0.9])
def test_radius_is_the_published_one(overlap):
    sides = np.random.default_rng(0).uniform(0.2, 200, (200, 2))
    got = center_radius(torch.from_numpy(sides), overlap)
    expected = [published_radius(*side, overlap) for side in sides]
    assert got.tolist() == expected
    assert max(expected) > 3


def one_thing(box, size=(64, 96), label=1):
    mask = torch.zeros(1, *size)
    x0, y0, x1, y1 = box
    mask[:, y0:y1, x0:x1] = 1
    return ImageTargets(mask,
                        torch.tensor([box]).float(), torch.tensor([label]),
                        torch.full(size, 255))


def test_levels_overlap_and_ranges_are_closed():
    scales = [(1, 16), (16, 32), (17, 64)]
    sizes = [(8, 12), (4, 6), (2, 3)]
    targets = build_targets([one_thing((8, 8, 24, 24))], (16, 24), sizes, 2, 3,
                            scales)
    assert [len(t.assigned) for t in targets.things] == [1, 1, 0]
    for level, peak in zip(targets.things, ([1, 1], [0, 0])):
        heat = level.heat[0, 1]
        assert (heat == 1).nonzero().tolist() == [peak]
        assert (level.heat[0, 0] == 0).all()
    assert (targets.things[2].heat == 0).all()


def test_centres_of_mass_and_of_the_box():
    image = one_thing((0, 0, 64, 64))
    image.masks[:, :, 8:] = 0
    image.masks[:, :8, 8:] = 1  # an L: its mass is left of its middle
    args = ((16, 24), [(16, 24)], 2, 3, [(1, 512)])
    mass, box = (
        build_targets([image], *args, center=center).things[0].heat[0, 1]
        for center in ('mass', 'box'))
    assert (box == 1).nonzero().tolist() == [[8, 8]]
    row, column = (mass == 1).nonzero()[0].tolist()
    filled = to_canvas(image.masks, (16, 24))[0].nonzero().double().mean(0)
    assert [row, column] == filled.long().tolist()


def test_heat_is_a_square_of_a_gaussian_and_the_maximum_of_both():
    masks = torch.zeros(2, 40, 40)
    masks[0, 10:11, 10:11] = masks[1, 10:11, 13:14] = 1
    boxes = torch.tensor([[0., 0., 160., 120.]]).repeat(2, 1)
    labels = torch.zeros(2, dtype=torch.long)
    heat = thing_targets(masks, boxes, labels, labels, 1, 1, [(40, 40)],
                         [(1, 512)])[0].heat[0, 0]
    radius = published_radius(40, 30, 0.7)
    sigma = (2 * radius + 1) / 3
    for y, x in np.ndindex(40, 40):
        expected = 0.
        for column in (10, 13):
            if abs(x - column) <= radius and abs(y - 10) <= radius:
                squared = (x - column)**2 + (y - 10)**2
                expected = max(expected, math.exp(-squared / 2 / sigma**2))
        assert abs(heat[y, x].item() - expected) < 1e-6


def test_things_that_vanish_are_left_out():
    thin = one_thing((8, 8, 24, 9))  # one row: no sample at a stride of 4
    both = ImageTargets(
        torch.cat([thin.masks, one_thing((8, 8, 24, 24)).masks]),
        torch.cat([thin.boxes, torch.tensor([[8., 8., 24., 24.]])]),
        torch.tensor([0, 1]), thin.sem)
    targets = build_targets([thin, both], (16, 24), [(8, 12)], 2, 3,
                            [(1, 512)])
    assert targets.images.tolist() == [1] and targets.labels.tolist() == [1]
    assert targets.things[0].heat[1, 1].max() == 1
    assert (targets.things[0].heat[:, 0] == 0).all()


def test_padding_stays_empty_and_odd_sizes_round():
    masks = torch.ones(1, 30, 41)
    canvas = to_canvas(masks, (16, 16))
    assert (canvas[0, :8, :10] == 1).all()
    assert canvas.sum() == 80
    assert to_canvas(masks[:0], (16, 16)).shape == (0, 16, 16)


def test_soft_labels_ignore_what_is_no_class():
    sem = torch.full((8, 8), 255, dtype=torch.uint8)
    sem[:, :4], sem[:4, 4:] = 1, 7
    shares = soft_labels(sem, 3, (2, 2))
    assert shares.tolist() == [[[0, 0], [0, 0]], [[1, 0], [1, 0]],
                               [[0, 0], [0, 0]]]


def test_regions_need_half_of_a_cell():
    shares = torch.tensor([[[[1., 0.], [.4, .6]]]])
    region, = stuff_targets(shares, [(1, 1)])
    assert region.item() == 0.5
    region, = stuff_targets(shares - 0.01, [(1, 1)])
    assert region.item() == 0


@pytest.mark.parametrize('mode, num, to_label, classes', [
    ('merged_things', 3, [-1, 2, 3], [0, 0, 1, 2]),
    ('stuff', 2, [2, 3], [-1, -1, 0, 1]),
    ('all', 4, [-1, -1, 2, 3], [0, 1, 2, 3]),
])
def test_semantic_classes(mode, num, to_label, classes):
    semantic = SemanticClasses(2, 2, mode)
    assert semantic.num == num
    assert semantic.to_label.tolist() == to_label
    labels = torch.tensor([0, 1, 2, 3, 255], dtype=torch.uint8)
    got = semantic.from_labels(labels)
    assert got[:4].tolist() == classes and got[4] >= num


def test_unknown_mode():
    with pytest.raises(ValueError, match="semantic_mode='things'.*merged"):
        SemanticClasses(2, 2, 'things')
