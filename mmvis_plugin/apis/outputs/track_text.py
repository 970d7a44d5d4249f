"""Tracks as lines of text."""
from abc import abstractmethod
from typing import IO, ContextManager, Iterator, Optional

from mmvis_plugin.evaluation.metrics.mots_masks import visible_masks
from mmvis_plugin.utils.whole_file import whole_file
from .categories import label_to_category
from .result_writer import FrameView, ResultWriter
from .shown_tracks import ShownTracks, shown_tracks
from .track_numbers import TrackNumbers


class TrackText(ResultWriter):
    """Base of text files with a line per track and frame.

    Frames are counted from 1, tracks are numbered from 1 in order of
    appearance. Lines go to disk frame by frame.

    Args:
        path (str): The file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._numbers = TrackNumbers()
        self._whole: Optional[ContextManager[str]] = None
        self._file: Optional[IO[str]] = None
        self._count = 0

    @abstractmethod
    def lines(self, frame: int, tracks: ShownTracks,
              view: FrameView) -> Iterator[str]:
        """Yield the lines of a frame.

        Args:
            frame (int): Its number, from 1.
            tracks (ShownTracks): What it shows.
            view (FrameView): The frame itself.
        """

    def write(self, view: FrameView) -> None:
        """Write the lines of the next frame.

        Args:
            view (FrameView): The frame.
        """
        if self._file is None:
            self._whole = whole_file(self.path)
            self._file = open(self._whole.__enter__(), 'w', encoding='utf-8')
        self._count += 1
        for line in self.lines(self._count, shown_tracks(view), view):
            self._file.write(line + '\n')

    def close(self) -> None:
        """Give the file its name."""
        self._end(None)

    def abort(self) -> None:
        """Remove the file."""
        self._end(InterruptedError(f'{self.path}: not complete'))

    def _end(self, error: Optional[Exception]) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._whole.__exit__(error and type(error), error, None)


class MOTText(TrackText):
    """Boxes in the form of the MOT Challenge.

    A line is ``frame,track,left,top,width,height,score,-1,-1,-1``, in pixels
    from 0.
    """
    needs = 'boxes'

    def lines(self, frame: int, tracks: ShownTracks,
              view: FrameView) -> Iterator[str]:
        """Yield the lines of a frame, see the class."""
        numbers = self._numbers.of(tracks.ids)
        for number, box, score in zip(numbers, tracks.boxes, tracks.scores):
            left, top, right, bottom = box
            yield (f'{frame},{number},{left:.2f},{top:.2f},'
                   f'{right - left:.2f},{bottom - top:.2f},{score:.4f},'
                   '-1,-1,-1')


class MOTSText(TrackText):
    """Masks in the form of the MOTS Challenge.

    A line is ``frame track category height width code`` with a compressed
    COCO run-length code. Where masks overlap, that of the higher score lies
    on top; one without visible pixels is left out.

    Args:
        path (str): The file.
        meta (dict, optional): Metainfo of the model, for category ids;
            without it they are label + 1. Defaults to None.
    """
    needs = 'masks'

    def __init__(self, path: str, meta: Optional[dict] = None) -> None:
        super().__init__(path)
        self._categories = label_to_category(meta) or {}

    def lines(self, frame: int, tracks: ShownTracks,
              view: FrameView) -> Iterator[str]:
        """Yield the lines of a frame, see the class."""
        numbers = self._numbers.of(tracks.ids)
        height, width = size = tuple(view.sample.ori_shape[:2])
        for i, code in zip(*visible_masks(tracks.masks, tracks.scores, size)):
            label = tracks.labels[i]
            category = self._categories.get(label, label + 1)
            yield (f'{frame} {numbers[i]} {category} {height} {width} '
                   f'{code["counts"]}')
