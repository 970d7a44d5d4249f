import io

import cv2
import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import TrackEvent, TrackEvents
from mmvis_plugin.evaluation.video_errors import VideoErrors
from mmvis_plugin.visualization.error_media import (ErrorMedia, busiest_window,
                                                    error_starts,
                                                    picture_positions)


def errors(length, *starts):
    events = [TrackEvent('miss', t, t + 2, 0, 1) for t in starts]
    events.append(TrackEvent('birth', 0, 1, 0, 1, 1))
    frame_ids = list(range(4, 4 + 5 * length, 5))
    return VideoErrors(1, 'clip', frame_ids, TrackEvents(events, {}, {}), {},
                       {})


class Painter:
    """Draw the number of the frame as a grey."""

    def draw(self, image, frame, errors, position):
        return np.full((32, 48, 3), 20 * position, np.uint8)


def test_starts_of_errors():
    assert error_starts(errors(5, 1, 1, 4)).tolist() == [0, 2, 0, 0, 1]
    assert error_starts(errors(2)).tolist() == [0, 0]


@pytest.mark.parametrize('limit, expected', [
    (9, [0, 1, 2, 3, 4, 5, 6, 7]),
    (5, [0, 3, 4, 6, 7]),
    (3, [3, 4, 6]),
    (2, [3, 6]),
    (1, [3]),
])
def test_pictures_are_of_errors_first(limit, expected):
    starts = np.array([0, 0, 0, 2, 1, 0, 1, 0])
    assert picture_positions(starts, limit).tolist() == expected


@pytest.mark.parametrize('length, expected', [(1, 3), (2, 3), (4, 3), (5, 2),
                                              (7, 0), (8, 0), (20, 0)])
def test_busiest_window(length, expected):
    starts = np.array([0, 0, 0, 2, 1, 0, 1, 0])
    assert busiest_window(starts, length) == expected


def test_pictures_and_clip_of_a_long_video():
    av = pytest.importorskip('av', reason='clips need PyAV')
    case = errors(10, 2, 7, 8)
    media = ErrorMedia(case, Painter(), max_frames=3, fps=5)
    wanted = [i for i in range(60) if media.wants(i)]
    # pictures of 2, 7 and 8; a clip of 6, 7 and 8
    assert wanted == [case.frame_ids[i] for i in (2, 6, 7, 8)]
    for frame_id in wanted:
        media.add(None, dict(frame_id=frame_id))
    frames, clip = media.finish()
    assert sorted(frames) == [2, 7, 8]
    for position, content in frames.items():
        image = cv2.imdecode(np.frombuffer(content, np.uint8), 1)
        assert np.abs(image.astype(int) - 20 * position).max() <= 2
    assert b'moov' in clip[:clip.index(b'mdat')]  # plays while it loads
    with av.open(io.BytesIO(clip)) as container:
        stream = container.streams.video[0]
        assert stream.codec.name == 'h264' and stream.average_rate == 5
        greys = [
            frame.to_ndarray(format='rgb24').mean()
            for frame in container.decode(stream)
        ]
    assert greys == pytest.approx([120, 140, 160], abs=4)


def test_no_clip():
    media = ErrorMedia(errors(3, 1), Painter(), max_frames=2)
    assert [i for i in range(20) if media.wants(i)] == [4, 9]
    media.add(None, dict(frame_id=9))
    frames, clip = media.finish()
    assert list(frames) == [1] and clip is None
