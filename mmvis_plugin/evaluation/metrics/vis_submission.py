"""Writing YouTube-VIS results without holding them in memory."""
import json
import os
import zipfile
from typing import IO, Iterable, NamedTuple, Optional, Sequence

from mmengine.dist import get_rank

from mmvis_plugin.utils.whole_file import whole_file


class SubmissionPart(NamedTuple):
    """Where the results of one video lie on disk.

    Args:
        path (str): A part file.
        offset (int): First byte.
        num_bytes (int): Length; 0 for a video without results.
    """
    path: str
    offset: int
    num_bytes: int


class VISSubmission:
    """Collects results video by video on disk and zips them at the end.

    Each rank appends to a part file of its own beside the zip; one rank
    joins the parts. The folder must be shared by the ranks.

    Args:
        prefix (str): Path and beginning of the name of the files. The zip is
            ``<prefix>.submission_file.zip`` and holds ``results.json``.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = os.path.abspath(prefix)
        self._file: Optional[IO[bytes]] = None

    @property
    def zip_path(self) -> str:
        """str: Path of the zip file."""
        return f'{self.prefix}.submission_file.zip'

    def add(self, results: Sequence[dict]) -> SubmissionPart:
        """Append the results of one video.

        Args:
            results (Sequence[dict]): Its tracks, ready for JSON: video_id,
                category_id (of the data set), score, segmentations.

        Returns:
            SubmissionPart: Their place, to be handed to :meth:`write_zip`.
        """
        if self._file is None:
            os.makedirs(os.path.dirname(self.prefix), exist_ok=True)
            self._file = open(f'{self.prefix}.rank{get_rank()}.part', 'wb')
        text = b',\n'.join(json.dumps(item).encode() for item in results)
        part = SubmissionPart(self._file.name, self._file.tell(), len(text))
        self._file.write(text)
        self._file.flush()
        return part

    def write_zip(self, parts: Iterable[SubmissionPart]) -> str:
        """Join parts into the zip file, which appears only when complete.

        Args:
            parts (Iterable[SubmissionPart]): Parts of all videos and ranks
                in the order of the file.

        Returns:
            str: Path of the zip file.
        """
        # a fixed date: equal results give equal files
        entry = zipfile.ZipInfo('results.json')
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with whole_file(self.zip_path) as unfinished:
            with zipfile.ZipFile(unfinished, 'w') as archive:
                with archive.open(entry, 'w', force_zip64=True) as target:
                    _join(parts, target)
        return self.zip_path

    def discard(self) -> None:
        """Remove this rank's part file, if there is one."""
        if self._file is not None:
            self._file.close()
            os.remove(self._file.name)
            self._file = None


def _join(parts: Iterable[SubmissionPart], target: IO[bytes]) -> None:
    separator = b'[\n'
    for part in parts:
        if part.num_bytes == 0:
            continue
        with open(part.path, 'rb') as source:
            source.seek(part.offset)
            target.write(separator)
            target.write(source.read(part.num_bytes))
        separator = b',\n'
    target.write(b'[]\n' if separator == b'[\n' else b'\n]\n')
