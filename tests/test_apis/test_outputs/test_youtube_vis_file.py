import json

import numpy as np
import pycocotools.mask as mask_utils
import pytest

from mmvis_plugin.apis.outputs import YouTubeVISFile


def masks_of(track):
    return [
        None if code is None else mask_utils.decode(code)
        for code in track['segmentations']
    ]


def test_tracks_of_a_video(tmp_path, views, write):
    path = tmp_path / 'new/a.json'
    write(YouTubeVISFile(str(path), dict(label2cat={0: 3, 1: 5, 2: 8})), views)
    tracks = json.loads(path.read_text())
    assert [t['category_id'] for t in tracks] == [5, 3, 8]
    assert {t['video_id'] for t in tracks} == {1}
    # the mean over the frames where they are; none is dropped for its score
    np.testing.assert_allclose([t['score'] for t in tracks],
                               [0.75, 0.875, 0.15])
    first, second, third = map(masks_of, tracks)
    assert first[2] is None and second[2] is None and third[0] is None
    assert first[0].sum() == first[1].sum() == 24
    assert second[1].sum() == 8 and second[1][1:3, 2:6].all()


@pytest.mark.parametrize('meta', [None, dict(classes=None)])
def test_unknown_categories_are_label_plus_1(tmp_path, views, write, meta):
    path = tmp_path / 'a.json'
    write(YouTubeVISFile(str(path), meta), views)
    assert [t['category_id']
            for t in json.loads(path.read_text())] == [2, 1, 3]


def test_video_without_tracks(tmp_path, track_view, write):
    path = tmp_path / 'a.json'
    write(YouTubeVISFile(str(path)), [track_view(0, [])])
    assert json.loads(path.read_text()) == []


def test_nothing_after_an_error(tmp_path, views):
    with pytest.raises(RuntimeError):
        with YouTubeVISFile(str(tmp_path / 'a.json')) as writer:
            writer.write(views[0])
            raise RuntimeError
    assert not list(tmp_path.iterdir())
