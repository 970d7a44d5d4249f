import numpy as np
import pytest
from mmdet.structures import DetDataSample

from mmvis_plugin.apis.outputs import (OUTPUT_KINDS, FrameView, OutputPlace,
                                       ResultWriter, check_kinds, result_kind,
                                       usual_kinds)

FITS = dict(
    masks={'video', 'frames', 'ids', 'youtube_vis', 'mots', 'mot'},
    boxes={'video', 'frames', 'mot'},
    maps={'video', 'frames', 'panoptic'})
META = dict(classes=('a', 'b'), thing_classes=('a', ))


@pytest.fixture
def samples(views, box_view, map_view):
    """A frame of each kind of model."""
    return dict(
        masks=views[0].sample,
        boxes=box_view.sample,
        maps=map_view(0, [[0, 1]]).sample)


@pytest.mark.parametrize('found', FITS)
def test_outputs_fit_or_say_so(tmp_path, samples, found):
    assert result_kind(samples[found]) == found
    place = OutputPlace(str(tmp_path), 'a', 5., META)
    for kind, opener in OUTPUT_KINDS.items():
        writer = opener(place)
        if kind in FITS[found]:
            writer.check(samples[found])
            continue
        with pytest.raises(ValueError, match='but the model predicts') as err:
            writer.check(samples[found])
        assert '\n' not in str(err.value) and writer.path in str(err.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('found, kind', [('masks', 'youtube_vis'),
                                         ('boxes', 'mot'),
                                         ('maps', 'panoptic')])
def test_usual_kinds(samples, found, kind):
    assert usual_kinds(samples[found], True, True) == ['video', kind]
    assert usual_kinds(samples[found], True, False) == ['video']
    assert usual_kinds(samples[found], False, False) == []


def test_unknown_kind_and_unknown_result():
    with pytest.raises(ValueError, match="'gif' is unknown, .*'youtube_vis'"):
        check_kinds(['video', 'gif'])
    with pytest.raises(ValueError, match='expected pred_track_instances'):
        result_kind(DetDataSample())


class Counting(ResultWriter):
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def write(self, view):
        self.told.append('write')

    def close(self):
        self.told.append('close')

    def abort(self):
        self.told.append('abort')


def test_an_error_aborts():
    with Counting() as fine:
        fine.write(None)
    failed = Counting()
    with pytest.raises(RuntimeError):
        with failed:
            raise RuntimeError
    assert fine.told == ['write', 'close'] and failed.told == ['abort']


def test_overlay_is_drawn_once_and_only_if_wanted(views):
    calls = []

    class Visualizer:

        def overlay(self, image, sample, draw_pred, pred_score_thr):
            calls.append((draw_pred, pred_score_thr))
            return image + 1

    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    view = FrameView(views[0].sample, frame, Visualizer(), False, 0.7)
    assert not calls
    np.testing.assert_array_equal(view.overlay, frame[..., ::-1] + 1)
    assert view.overlay is view.overlay and calls == [(False, 0.7)]
