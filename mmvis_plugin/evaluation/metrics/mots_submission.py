"""Writing BDD100K MOTS results without holding them in memory."""
import json
import os
import os.path as osp
import shutil
import zipfile
from typing import (Dict, Iterable, Iterator, List, NamedTuple, Sequence,
                    Tuple, Union)

import numpy as np
from mmengine.dist import get_rank

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.structures import RLE, encode_bitmask, paint_masks
from mmvis_plugin.utils.whole_file import whole_file

_Files = Iterator[Tuple[str, Union[str, bytes]]]

MAX_ID = 65535


class ResultFrame(NamedTuple):
    """Results of one frame, at most 100 masks that do not overlap.

    Args:
        number (int): Number of the frame in the source video.
        ids (list[int]): Track ids.
        rles (list[dict]): Masks with text ``counts``.
    """
    number: int
    ids: List[int]
    rles: List[RLE]


class MOTSSubmission:
    """Collects results video by video on disk and zips them at the end.

    Each rank writes a file per video into a folder of its own beside the
    zip; one rank joins them. The folder must be shared by the ranks.

    Args:
        prefix (str): Path and beginning of the name of the files. The zip is
            ``<prefix>.submission_file.zip``.
        form (str): 'bitmask': ``<video>/<video>-<frame>.png`` as
            the server takes them, frames with seven digits and blank where
            nothing is found; 'rle': ``<video>.json``, a list of frames with
            their labels. Defaults to 'bitmask'.
    """

    def __init__(self, prefix: str, form: str = 'bitmask') -> None:
        self.prefix = osp.abspath(prefix)
        self.form = form
        self._num_videos = 0
        categories = load_table('bdd100k_mots')['categories']
        self._categories = [item['id'] for item in categories]
        self._names = [item['name'] for item in categories]

    @property
    def zip_path(self) -> str:
        """str: Path of the zip file."""
        return f'{self.prefix}.submission_file.zip'

    @property
    def _folder(self) -> str:
        return f'{self.prefix}.rank{get_rank()}.parts'

    def add(self, video: str, size: Sequence[int],
            frames: Sequence[ResultFrame], labels: Dict[int, int]) -> str:
        """Write the results of one video.

        Tracks are numbered from 1 in ascending order of their id.

        Args:
            video (str): Name of the video.
            size (Sequence[int]): Height and width of its frames.
            frames (Sequence[ResultFrame]): All of them, in order.
            labels (dict[int, int]): Label of each track.

        Returns:
            str: A file, to be handed to :meth:`write_zip`.

        Raises:
            ValueError: If there are more tracks than ids.
        """
        tracks = sorted({track for frame in frames for track in frame.ids})
        if len(tracks) > MAX_ID:
            raise ValueError(f'video {video}: {len(tracks)} tracks, expected '
                             f'at most {MAX_ID}, the largest id')
        numbers = {track: i for i, track in enumerate(tracks, 1)}
        os.makedirs(self._folder, exist_ok=True)
        path = osp.join(self._folder, f'{self._num_videos:06d}.zip')
        self._num_videos += 1
        write = self._bitmasks if self.form == 'bitmask' else self._rles
        with zipfile.ZipFile(path, 'w') as archive:
            for name, content in write(video, size, frames, numbers, labels):
                archive.writestr(name, content)
        return path

    def _bitmasks(self, video: str, size: Sequence[int],
                  frames: Sequence[ResultFrame], numbers: Dict[int, int],
                  labels: Dict[int, int]) -> _Files:
        for frame in frames:
            colours = [(self._categories[labels[track]], 0,
                        numbers[track] >> 8, numbers[track] & 255)
                       for track in frame.ids]
            top = paint_masks(frame.rles, [0] * len(frame.rles), size)
            image = np.array(colours + [(0, 0, 0, 0)], dtype=np.uint8)[top]
            yield (f'{video}/{frame_name(video, frame.number)}.png',
                   encode_bitmask(image))

    def _rles(self, video: str, size: Sequence[int],
              frames: Sequence[ResultFrame], numbers: Dict[int, int],
              labels: Dict[int, int]) -> _Files:
        records = [
            dict(
                videoName=video,
                name=f'{frame_name(video, frame.number)}.jpg',
                frameIndex=index,
                labels=[
                    dict(
                        id=str(numbers[track]),
                        category=self._names[labels[track]],
                        rle=rle) for track, rle in zip(frame.ids, frame.rles)
                ]) for index, frame in enumerate(frames)
        ]
        yield f'{video}.json', json.dumps(records)

    def write_zip(self, parts: Iterable[str]) -> str:
        """Join parts into the zip file, which appears only when complete.

        Args:
            parts (Iterable[str]): Results of :meth:`add` of all ranks, in
                the order of the file.

        Returns:
            str: Path of the zip file.
        """
        # pictures are compressed already
        method = zipfile.ZIP_STORED if self.form == 'bitmask' \
            else zipfile.ZIP_DEFLATED
        with whole_file(self.zip_path) as unfinished:
            with zipfile.ZipFile(unfinished, 'w') as archive:
                for part in parts:
                    _copy(part, archive, method)
        return self.zip_path

    def discard(self) -> None:
        """Remove this rank's parts, if there are any."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._num_videos = 0


def frame_name(video: str, number: int) -> str:
    """Return the name of a frame without suffix, as the benchmark has it."""
    return f'{video}-{number:07d}'


def _copy(part: str, archive: zipfile.ZipFile, method: int) -> None:
    with zipfile.ZipFile(part) as source:
        for info in source.infolist():
            # a fixed date: equal results give equal files
            entry = zipfile.ZipInfo(info.filename)
            entry.compress_type = method
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, source.read(info))
