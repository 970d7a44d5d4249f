"""Writing panoptic results without holding them in memory."""
import json
import os
import os.path as osp
import re
import shutil
import tempfile
import zipfile
from typing import (IO, Dict, Hashable, Iterable, Iterator, List, Optional,
                    Tuple)

import numpy as np
from mmengine.dist import get_rank

from mmvis_plugin.structures import PanopticSegments, encode_panoptic_map
from mmvis_plugin.utils.whole_file import whole_file
from ..functional import PanopticFrameTable
from .panoptic_ids import PanopticIds

FORMS = ('cityscapes_vps', 'vipseg')
PRED_FILE, PRED_FOLDER, PRED_ZIP = 'pred.json', 'pan_pred', 'pan_pred.zip'
_ENDING = re.compile('_(leftImg8bit|newImg8bit|gtFine_color|final_mask)$')


class _OpenVideo:
    """The frames of a video that have arrived."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = ''
        self.restart()

    def restart(self) -> None:
        """Begin again, without frames."""
        self.archive = zipfile.ZipFile(self.path, 'w')
        self.ids = PanopticIds()
        self.records: List[dict] = []
        self.annotated = False


class PanopticSubmission:
    """Collects maps frame by frame on disk and zips them at the end.

    Each rank writes a file per video into a folder of its own beside the
    zip; one rank joins them. The folder must be shared by the ranks. The zip
    is ``<prefix>.submission_file.zip``. Ids as in :class:`PanopticIds`.

    Args:
        prefix (str): Path and beginning of the name of the files.
        form (str): 'cityscapes_vps' (VIPER too): ``pred.json``, one list of
            images, and ``pan_pred.zip`` with ``<image id>.png``, of
            annotated frames only; in a video without any, of the frames
            whose id in the list of images is a text. 'vipseg': ``pred.json``
            with a list per video and ``pan_pred/<video>/<frame>.png``, of
            all frames.
    """

    def __init__(self, prefix: str, form: str) -> None:
        if form not in FORMS:
            raise ValueError(f'submission={form!r}, expected one of {FORMS}')
        self.prefix = osp.abspath(prefix)
        self.form = form
        self._folder: Optional[str] = None
        self._num_videos = 0
        self._open: Dict[Hashable, _OpenVideo] = {}

    @property
    def zip_path(self) -> str:
        """str: Path of the zip file."""
        return f'{self.prefix}.submission_file.zip'

    def takes(self, frame: dict) -> bool:
        """Tell whether the file may need a frame.

        Args:
            frame (dict): Its metainfo.
        """
        if self.form == 'vipseg' or frame.get('has_ann', True):
            return True
        video = self._open.get(frame['video_id'])
        is_listed = isinstance(frame.get('src_img_id'), str)
        return is_listed and not (video and video.annotated)

    def add_frame(self, frame: dict, ids: np.ndarray, segments: List[dict],
                  categories: List[dict], name: str) -> None:
        """Write the map of a frame; frames of a video come in order.

        Args:
            frame (dict): Its metainfo.
            ids (np.ndarray): Predicted segment ids, 0 for void.
            segments (list[dict]): id and category_id of each.
            categories (list[dict]): id and isthing of all categories.
            name (str): What messages call the frame.

        Raises:
            AnnotationError: If map and list do not belong together.
            ValueError: If the metainfo does not name the frame.

        Shape:
            ids: (H, W).
        """
        if not self.takes(frame):
            return
        video = self._video(frame['video_id'])
        video.name = str(frame.get('video_name', frame['video_id']))
        if frame.get('has_ann', True) and not video.annotated:
            if video.records and self.form == 'cityscapes_vps':
                # the frames so far are not among the annotated ones
                video.archive.close()
                video.restart()
            video.annotated = True
        image_id = self._image_id(frame, name)
        final, records = renumber_segments(ids, segments, categories,
                                           video.ids, name)
        entry = self._entry(frame, image_id)
        _write(video.archive, entry, encode_panoptic_map(final, name))
        video.records.append(
            dict(
                image_id=image_id,
                file_name=osp.basename(entry),
                segments_info=records))

    def end_video(self, video_id: Hashable) -> str:
        """Finish the file of a video.

        Args:
            video_id (Hashable): As in the metainfo of its frames.

        Returns:
            str: The file, to be handed to :meth:`write_zip`.
        """
        video = self._video(video_id)
        lines = [json.dumps(record) for record in video.records]
        text = ',\n'.join(lines)
        if self.form == 'vipseg':
            head = json.dumps(dict(video_id=video.name, annotations=[]))
            text = f'{head[:-2]}{text}]}}'
        _write(video.archive, PRED_FILE, text.encode())
        video.archive.close()
        del self._open[video_id]
        return video.path

    def write_zip(self, parts: Iterable[str]) -> str:
        """Join parts into the zip file, which appears only when complete.

        Args:
            parts (Iterable[str]): Results of :meth:`end_video` of all ranks,
                in the order of the file.

        Returns:
            str: Path of the zip file.
        """
        parts = list(parts)
        with whole_file(self.zip_path) as unfinished:
            with zipfile.ZipFile(unfinished, 'w') as archive:
                with _create(archive, PRED_FILE, zipfile.ZIP_DEFLATED) as file:
                    _join(parts, file)
                if self.form == 'vipseg':
                    _copy_pictures(parts, archive)
                else:
                    self._nest_pictures(parts, archive)
        return self.zip_path

    def _nest_pictures(self, parts: List[str],
                       archive: zipfile.ZipFile) -> None:
        """Put the pictures into the archive as an archive of their own."""
        with tempfile.TemporaryFile(dir=osp.dirname(self.prefix)) as nested:
            with zipfile.ZipFile(nested, 'w') as inner:
                _copy_pictures(parts, inner)
            nested.seek(0)
            with _create(archive, PRED_ZIP) as file:
                shutil.copyfileobj(nested, file)

    def discard(self) -> None:
        """Remove this rank's parts, if there are any."""
        for video in self._open.values():
            video.archive.close()
        self._open.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _video(self, video_id: Hashable) -> _OpenVideo:
        if self._folder is None:
            folder, name = osp.split(self.prefix)
            os.makedirs(folder, exist_ok=True)
            # several metrics may write beside each other
            self._folder = tempfile.mkdtemp('.parts',
                                            f'{name}.rank{get_rank()}.',
                                            folder)
        if video_id not in self._open:
            path = osp.join(self._folder, f'{self._num_videos:06d}.zip')
            self._num_videos += 1
            self._open[video_id] = _OpenVideo(path)
        return self._open[video_id]

    def _image_id(self, frame: dict, name: str) -> str:
        image_id = frame.get('src_img_id')
        if isinstance(image_id, str):
            return image_id
        path = frame.get('seg_map_path') or frame.get('img_path')
        if not path:
            raise ValueError(f"{name}: metainfo 'src_img_id' is missing, "
                             'expected the id of the frame in the list of '
                             'images; add it to meta_keys of the packing '
                             'transform')
        return _ENDING.sub('', osp.splitext(osp.basename(path))[0])

    def _entry(self, frame: dict, image_id: str) -> str:
        if self.form == 'cityscapes_vps':
            return f'{image_id}.png'
        video = self._video(frame['video_id']).name
        return f'{PRED_FOLDER}/{video}/{image_id}.png'


def renumber_segments(ids: np.ndarray, segments: List[dict],
                      categories: List[dict], numbers: PanopticIds,
                      name: str) -> Tuple[np.ndarray, List[dict]]:
    """Return a map with the ids of a file, and the list of its segments.

    Args:
        ids (np.ndarray): Predicted segment ids, 0 for void.
        segments (list[dict]): id and category_id of each.
        categories (list[dict]): id and isthing of all categories.
        numbers (PanopticIds): Those of the video.
        name (str): What messages call the frame.

    Returns:
        tuple[np.ndarray, list[dict]]: Ids, and id, category_id, iscrowd,
        bbox (x, y, width, height) and area of each segment.

    Raises:
        AnnotationError: If map and list do not belong together.

    Shape:
        ids: (H, W), as is the output.
    """
    isthing = {item['id']: bool(item['isthing']) for item in categories}
    segments = sorted(segments, key=lambda item: item['id'])
    known, new, category = [0], [0], {}
    for segment in segments:
        own = segment['category_id']
        known.append(segment['id'])
        new.append(numbers.get(own, segment['id'], isthing.get(own, False)))
        category[new[-1]] = own
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    final = np.array(new)[place]
    found = PanopticSegments.from_map(final)
    records = [
        dict(id=i, category_id=category[i], iscrowd=0, bbox=box, area=area)
        for i, box, area in zip(found.ids.tolist(), found.boxes.tolist(),
                                found.areas.tolist())
    ]
    # finds ids without pixels, ids that are not listed (which have become
    # others), unknown categories
    PanopticFrameTable.from_maps(ids, final, segments, records, set(isthing),
                                 name)
    return final, records


def _create(archive: zipfile.ZipFile,
            name: str,
            method: int = zipfile.ZIP_STORED) -> IO[bytes]:
    # a fixed date: equal results give equal files
    entry = zipfile.ZipInfo(name)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    return archive.open(entry, 'w', force_zip64=True)


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    with _create(archive, name) as file:
        file.write(content)


def _join(parts: List[str], file: IO[bytes]) -> None:
    separator = b'{"annotations": [\n'
    for part in parts:
        with zipfile.ZipFile(part) as archive:
            content = archive.read(PRED_FILE)
        if content:
            file.write(separator)
            file.write(content)
            separator = b',\n'
    file.write(b'{"annotations": []}\n' if separator[:1] ==
               b'{' else b'\n]}\n')


def _copy_pictures(parts: List[str], target: zipfile.ZipFile) -> None:
    for part, name in _pictures(parts):
        with part.open(name) as source, _create(target, name) as file:
            shutil.copyfileobj(source, file)


def _pictures(parts: List[str]) -> Iterator[tuple]:
    for path in parts:
        with zipfile.ZipFile(path) as part:
            for name in part.namelist():
                if name != PRED_FILE:
                    yield part, name
