"""Pictures whose pixel values are track numbers."""
import io
import json
import os.path as osp
from typing import Dict, List, Optional, Sequence

import numpy as np
from PIL import Image

from mmvis_plugin.structures import paint_masks
from mmvis_plugin.utils.whole_file import write_whole
from mmvis_plugin.visualization import track_colors
from .result_writer import FrameView, ResultWriter
from .shown_tracks import shown_tracks
from .track_numbers import TrackNumbers

TRACK_LIST = 'tracks.json'
_INDICES, _LIMIT = 256, 65536


class IdPictures(ResultWriter):
    """Write ``00000.png``, ``00001.png``, ... and ``tracks.json``.

    The value of a pixel is the number of the track on top there, 0 where
    there is none. Tracks are numbered in order of appearance. A picture has a
    palette in the colours of the overlay, or 16 bit of grey if a number in
    it is above 255; readers such as Pillow return the numbers of both.
    ``tracks.json`` lists number, track id, label and class of each.

    Args:
        path (str): The folder.
        classes (Sequence[str], optional): Names of the labels. Defaults to
            None.
    """
    needs = 'masks'

    def __init__(self,
                 path: str,
                 classes: Optional[Sequence[str]] = None) -> None:
        self.path = path
        self._classes = classes or ()
        self._numbers = TrackNumbers()
        self._labels: Dict[int, int] = {}
        self._count = 0

    def write(self, view: FrameView) -> None:
        """Write the picture of the next frame.

        Args:
            view (FrameView): The frame.

        Raises:
            ValueError: If there are more tracks than 16 bit can number.
        """
        tracks = shown_tracks(view)
        numbers = self._numbers.of(tracks.ids)
        if len(self._numbers) >= _LIMIT:
            raise ValueError(f'{self.path}: frame {self._count} has the '
                             f'{_LIMIT}th track, expected fewer; raise the '
                             'score threshold')
        for number, label in zip(numbers, tracks.labels):
            self._labels.setdefault(number, label)
        top = paint_masks(tracks.masks, tracks.scores,
                          view.sample.ori_shape[:2])
        picture = np.array([*numbers, 0])[top]
        write_whole(
            osp.join(self.path, f'{self._count:05d}.png'),
            self._encode(picture))
        self._count += 1

    def _encode(self, picture: np.ndarray) -> bytes:
        if picture.max() < _INDICES:
            image = Image.fromarray(picture.astype(np.uint8))
            # turns a grey image into one with a palette
            image.putpalette(self._palette().tobytes())
        else:
            image = Image.fromarray(picture.astype(np.uint16))
        stream = io.BytesIO()
        image.save(stream, 'PNG')
        return stream.getvalue()

    def _palette(self) -> np.ndarray:
        colors = np.zeros((_INDICES, 3), np.uint8)
        known = track_colors(self._numbers.ids[:_INDICES - 1])
        colors[1:len(known) + 1] = known
        return colors

    def close(self) -> None:
        """Write the list of tracks."""
        records: List[dict] = [
            dict(number=number, instances_id=track, label=label)
            for (number,
                 label), track in zip(self._labels.items(), self._numbers.ids)
        ]
        for record in records:
            if record['label'] < len(self._classes):
                record['class'] = self._classes[record['label']]
        write_whole(
            osp.join(self.path, TRACK_LIST),
            json.dumps(records, indent=1).encode())
