import cv2
import numpy as np
import pytest
import torch

from mmvis_plugin.visualization.palette import (NO_TRACK_COLOR, TRACK_PALETTE,
                                                text_colors, track_colors)


def least_distance(colors):
    """Least CIELAB distance between two of the colours."""
    lab = cv2.cvtColor(colors[None].astype(np.float32) / 255,
                       cv2.COLOR_RGB2LAB)[0]
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    return gaps[~np.eye(len(colors), dtype=bool)].min()


def test_colours_never_change():
    wanted = [[240, 60, 50], [0, 255, 0], [0, 105, 255], [240, 60, 50]]
    assert track_colors([0, 1, 2, 61]).tolist() == wanted


@pytest.mark.parametrize('num, gap', [(5, 80), (10, 50), (20, 34), (61, 19)])
def test_first_ids_look_different(num, gap):
    assert least_distance(track_colors(range(num))) > gap


@pytest.mark.parametrize('step', [1, 4, 25, 40, 1000])
def test_ids_with_a_step_get_all_colours(step):
    colors = track_colors(3 + step * np.arange(len(TRACK_PALETTE)))
    assert len(np.unique(colors, axis=0)) == len(TRACK_PALETTE)


@pytest.mark.parametrize('convert', [list, np.array, torch.tensor])
def test_any_kind_of_ids(convert):
    colors = track_colors(convert([7, -1]))
    assert colors.dtype == np.uint8
    assert colors.tolist() == [[245, 185, 255], NO_TRACK_COLOR.tolist()]


def test_no_ids():
    assert track_colors([]).shape == (0, 3)


def test_text_is_readable_on_every_colour():
    colors = np.concatenate([TRACK_PALETTE, NO_TRACK_COLOR[None]])

    def luminance(rgb):  # WCAG 2
        rgb = rgb / 255
        linear = np.where(rgb <= 0.03928, rgb / 12.92,
                          ((rgb + 0.055) / 1.055)**2.4)
        return linear @ np.array([0.2126, 0.7152, 0.0722])

    low, high = np.sort(
        np.stack([luminance(colors),
                  luminance(text_colors(colors))]), axis=0)
    assert ((high + 0.05) / (low + 0.05)).min() > 4.5
