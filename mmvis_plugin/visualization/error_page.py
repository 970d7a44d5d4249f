"""A page of errors in one file that needs nothing else."""
import base64
import html
import json
import math
from pathlib import Path
from typing import Any, Dict, Hashable, List, Optional, Sequence

from mmvis_plugin.evaluation.functional import TrackRun
from mmvis_plugin.evaluation.video_errors import NamedTrack, VideoErrors
from mmvis_plugin.utils.whole_file import write_whole
from .error_kinds import ERROR_KINDS

_TEMPLATE = Path(__file__).parent / 'report_template'


class ErrorPage:
    """Collect videos, then write them as one HTML file.

    Style, program, pictures and clips are inside of the file; it loads
    nothing, and forbids the browser to.

    Args:
        title (str): Headline.
        facts (dict[str, str]): What the page says about itself.
        classes (Sequence[str]): Name of each label.
        overall (dict[str, float]): Scores of all videos; their names are
            the columns of the table.

    Examples:
        >>> page = ErrorPage('Errors', {}, ('cup', 'dog'), {'vis/AP': 0.4})
        >>> page.add_video(errors, {'vis/AP': 0.3})
        >>> page.add_media(errors.video_id, {0: jpeg}, mp4)
        >>> page.write('report.html')
    """

    def __init__(self, title: str, facts: Dict[str, str],
                 classes: Sequence[str], overall: Dict[str, float]) -> None:
        self.title = title
        self._data: Dict[str, Any] = dict(
            facts=facts,
            classes=list(classes),
            kinds=[
                dict(kind._asdict(), key=key)
                for key, kind in ERROR_KINDS.items()
            ],
            # counters have no digits after the point
            columns=[
                dict(name=name, digits=0 if isinstance(value, int) else 3)
                for name, value in overall.items()
            ],
            overall=[_number(value) for value in overall.values()],
            videos=[])
        self._positions: Dict[Hashable, int] = {}
        self._media: Dict[int, str] = {}

    def add_video(self, errors: VideoErrors, scores: Dict[str, float]) -> None:
        """Add the scores and the timeline of a video.

        Args:
            errors (VideoErrors): What happens in it.
            scores (dict[str, float]): Its scores by the names of ``overall``.
        """
        videos, happened = self._data['videos'], errors.happened
        self._positions[errors.video_id] = len(videos)
        videos.append(
            dict(
                id=str(errors.video_id),
                name=errors.name,
                frames=errors.frame_ids,
                scores=[
                    _number(scores.get(column['name']))
                    for column in self._data['columns']
                ],
                objects=_rows(happened.objects, errors.objects, errors.tracks),
                tracks=_rows(happened.tracks, errors.tracks, errors.objects),
                events=[
                    dict(
                        kind=event.kind,
                        start=event.start,
                        stop=event.stop,
                        label=event.label,
                        object=event.object_id,
                        track=event.track_id,
                        text=errors.describe(event))
                    for event in happened.events
                ]))

    def add_media(self,
                  video_id: Hashable,
                  frames: Dict[int, bytes],
                  clip: Optional[bytes] = None,
                  max_bytes: float = math.inf) -> bool:
        """Add the pictures of a video, unless the page gets too large.

        Args:
            video_id (Hashable): A video that was added.
            frames (dict[int, bytes]): JPEG by position of the frame.
            clip (bytes, optional): MP4 with H.264. Defaults to None.
            max_bytes (float): Largest size of the page. Defaults to no
                limit.

        Returns:
            bool: False if they do not fit; the page stays as it was.
        """
        position = self._positions[video_id]
        media = dict(
            frames={
                at: _data_uri('image/jpeg', frames[at])
                for at in sorted(frames)
            },
            clip=clip and _data_uri('video/mp4', clip))
        element = ('<script type="application/json" '
                   f'id="media-{position}">{_json(media)}</script>\n')
        if self.num_bytes + len(element) > max_bytes:
            return False
        self._media[position] = element
        return True

    @property
    def num_bytes(self) -> int:
        """int: Size of the file."""
        # pictures are ASCII
        return len(self._compose('').encode()) + sum(
            map(len, self._media.values()))

    def render(self) -> str:
        """Return the page."""
        return self._compose(''.join(self._media[position]
                                     for position in sorted(self._media)))

    def _compose(self, media: str) -> str:
        parts = dict(
            title=html.escape(self.title),
            style=_read('page.css'),
            script=_read('timeline.js') + _read('page.js'),
            data=_json(self._data),
            media=media)
        # one pass: what is put in is not searched again
        page, *rest = _read('page.html').split('{{')
        for part in rest:
            key, tail = part.split('}}', 1)
            page += parts[key] + tail
        return page

    def write(self, path: str) -> int:
        """Write the page, all or nothing.

        Args:
            path (str): Target.

        Returns:
            int: Number of bytes.
        """
        content = self.render().encode()
        write_whole(path, content)
        return len(content)


def _rows(runs: Dict[int, List[TrackRun]], items: Dict[int, NamedTrack],
          partners: Dict[int, NamedTrack]) -> List[dict]:
    """Return the lines of a timeline."""
    return [
        dict(
            id=key,
            name=items[key].name,
            label=items[key].label,
            score=_number(items[key].score),
            runs=[[
                run.start, run.stop, run.state,
                partners[run.partner].name if run.partner in partners else ''
            ] for run in runs[key]]) for key in runs
    ]


def _number(value: Optional[float]) -> Optional[float]:
    """Return a number that JSON can hold; None for what is undefined."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _json(value: Any) -> str:
    """Return JSON that can stand inside of a script element."""
    text = json.dumps(value, separators=(',', ':'), allow_nan=False)
    return text.replace('<', '\\u003c')


def _data_uri(kind: str, content: bytes) -> str:
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'


def _read(name: str) -> str:
    return (_TEMPLATE / name).read_text(encoding='utf-8')
