import numpy as np
import pytest

from mmvis_plugin.visualization import text
from mmvis_plugin.visualization.palette import track_colors


def changed(image, value=128):
    return (image != value).any(axis=2)


def gray(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def test_lines_of_one_size_align():
    heights = {text.text_mask(t, 14).shape[0] for t in ('a', 'person', 'gÄ|')}
    assert len(heights) == 1
    narrow, wide = text.text_mask('i', 14), text.text_mask('iiiiii', 14)
    assert 4 < wide.shape[1] / narrow.shape[1] < 8
    assert narrow.max() > 200


def test_accents_are_drawn():
    plain, accent = text.text_mask('o', 20), text.text_mask('ö', 20)
    assert plain.shape == accent.shape and (plain != accent).any()


@pytest.mark.parametrize('size, wanted', [((96, 160), 11), ((360, 640), 11),
                                          ((720, 1280), 20),
                                          ((2160, 3840), 40)])
def test_text_follows_the_frame(size, wanted):
    assert abs(text.text_size_for(*size) - wanted) <= 1


def test_labels_do_not_cover_each_other():
    image = gray(200, 400)
    boxes = np.array([[50., 80, 120, 160]]).repeat(5, axis=0)
    sizes = []
    for num in range(1, 6):
        image = gray(200, 400)
        text.draw_labels(image, ['person 1 0.99'] * num, boxes[:num],
                         track_colors(range(num)), 12)
        sizes.append(changed(image).sum())
    np.testing.assert_allclose(np.diff(sizes), sizes[0], rtol=0.02)


@pytest.mark.parametrize('box', [(-50., -40, -10, -5), (390, 190, 460, 260),
                                 (390, -5, 399, 3), (-9, 195, 3, 205)])
def test_labels_stay_inside(box):
    inside = gray(200, 400)
    text.draw_labels(inside, ['cat 7'], np.array([[100., 100, 150, 150]]),
                     track_colors([3]), 12)
    image = gray(200, 400)
    text.draw_labels(image, ['cat 7'], np.array([box]), track_colors([3]), 12)
    assert changed(image).sum() == changed(inside).sum()


def test_label_wears_the_colour_of_its_track():
    image = gray(100, 200)
    text.draw_labels(image, ['cat 0'], np.array([[20., 50, 90, 90]]),
                     track_colors([0]), 12)
    mark = np.median(image[changed(image)], axis=0)
    wanted = 0.85 * track_colors([0])[0] + 0.15 * 128
    np.testing.assert_allclose(mark, wanted, atol=2)


def test_text_larger_than_the_frame_is_cut():
    image = gray(9, 14)
    boxes = np.array([[2., 2, 8, 8]])
    text.draw_labels(image, ['a long class name'], boxes, track_colors([0]),
                     20)
    text.draw_caption(image, 'ground truth', 20)
    text.draw_panel(image, ['a long class name'], track_colors([0]), 20)
    assert changed(image).all()


def test_legend_counts_what_does_not_fit():
    few, many = gray(120, 300), gray(120, 300)
    names = [f'class {i}' for i in range(40)]
    text.draw_panel(few, names[:3], track_colors(range(3)), 14)
    text.draw_panel(many, names, track_colors(range(40)), 14)
    rows_few = np.flatnonzero(changed(few).any(axis=1))
    rows_many = np.flatnonzero(changed(many).any(axis=1))
    assert rows_few.max() < 60 < 100 < rows_many.max()
    assert not changed(many)[:, :100].any()
    for color in track_colors(range(3)):
        assert (few == color).all(axis=2).any()


def test_empty_legend_draws_nothing():
    image = gray(50, 50)
    text.draw_panel(image, [], track_colors([]), 12)
    assert not changed(image).any()


def test_legend_and_caption_stay_in_their_rectangles():
    names = [f'class {i}' for i in range(40)]
    for num in (0, 3, 40):
        image = gray(120, 300)
        text.draw_panel(image, names[:num], track_colors(range(num)), 14)
        x1, y1, x2, y2 = text.panel_rect(image, names[:num], 14)
        wanted = np.zeros((120, 300), bool)
        wanted[y1:y2, x1:x2] = True
        assert not changed(image)[~wanted].any()
        assert changed(image).sum() >= 0.99 * wanted.sum()
    image = gray(120, 300)
    text.draw_caption(image, 'prediction', 14)
    x1, y1, x2, y2 = text.caption_rect(image, 'prediction', 14)
    inside = changed(image)[y1:y2, x1:x2]
    assert inside.mean() >= 0.99 and inside.sum() == changed(image).sum()


@pytest.mark.parametrize('width', [3, 40, 90, 300])
def test_title_stands_above_and_is_cut(width):
    image = gray(30, width)
    titled = text.with_title(image, 'frame 4 flipped', 12)
    bar, below = titled[:-30], titled[-30:]
    np.testing.assert_array_equal(below, image)
    assert len(bar) == text.text_mask('|', 12).shape[0]
    whole = text.with_title(gray(30, 300), 'frame 4 flipped', 12)[:-30]
    same = (bar == whole[:, :width]).all()
    assert same == (width == 300)
    assert (bar == 255).any() and (width < 9 or (bar < 50).any())
