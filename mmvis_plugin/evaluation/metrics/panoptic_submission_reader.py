"""Reading panoptic results back, the inverse of ``panoptic_submission``."""
import io
import json
import os.path as osp
import zipfile
import zlib
from typing import Any, Callable, Dict, Iterator, List, Tuple

from mmvis_plugin.datasets.annotation_checks import check_new, require
from mmvis_plugin.structures import decode_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..functional import PanopticFrameTable
from .panoptic_submission import PRED_FILE, PRED_FOLDER, PRED_ZIP

# name of the picture below its folder, and segments
_Record = Tuple[str, List[dict]]
_Open = Callable[[str], bytes]


def read_panoptic_submission(path: str, dataset: Any) -> Iterator[dict]:
    """Read a submission as predictions for the frames of a data set.

    Both forms of :class:`PanopticSubmission` are told apart by their content.
    A list of images without ``file_name``, as the program of Cityscapes-VPS
    writes it, is taken in the order of the annotated frames. Frames that are
    not annotated may be absent.

    Args:
        path (str): The zip, or a folder with its content.
        dataset (PanopticVideoDataset): The videos that it belongs to.

    Yields:
        dict: One frame at a time, in order: ``video_id``, ``video_name`` and
        ``frames``, a list of one dict with ``frame_id``, ``img_path``,
        ``ori_shape`` and, if the submission has the frame,
        ``pred_panoptic_seg``: ``pan_seg`` (uint32 ids, 0 for void) and
        ``segments_info``.

    Raises:
        AnnotationError: If it is broken, or its frames are not those of the
            data set.
        FileNotFoundError: If there is no such file.
    """
    with _Files(path) as files:
        records = files.records(_annotated_keys(dataset))
        categories = set(dataset.metainfo['label2cat'])
        used = set()
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            for image in info['images']:
                key = _key(info, image, files.nested)
                if key not in records and image['has_ann']:
                    raise AnnotationError(
                        f'{path}: {PRED_FILE} lacks {key}, frame '
                        f'{image["frame_id"]} of video {info["video_name"]}, '
                        'expected every annotated frame of the test data')
                frame = dict(
                    frame_id=image['frame_id'],
                    img_path=image['img_path'],
                    ori_shape=(image['height'], image['width']))
                if key in records:
                    used.add(key)
                    frame['pred_panoptic_seg'] = files.read(
                        records[key], frame['ori_shape'], categories)
                yield dict(
                    video_id=info['video_id'],
                    video_name=info['video_name'],
                    frames=[frame])
        foreign = sorted(set(records) - used)
        if foreign:
            raise AnnotationError(
                f'{path}: {PRED_FILE} has {len(foreign)} frames that are not '
                f'in the test data: {foreign[:5]}; evaluate it on the data '
                'that it was made from')


def _annotated_keys(dataset: Any) -> List[str]:
    videos = (dataset.get_data_info(i) for i in range(len(dataset)))
    return [
        _key(info, image, False) for info in videos for image in info['images']
        if image['has_ann']
    ]


def _key(info: dict, image: dict, nested: bool) -> str:
    stem = str(image.get('src_img_id', ''))
    return f'{info["video_name"]}/{stem}' if nested else stem


class _Files:
    """Access to the files of a submission, packed or not."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.nested = False
        self._archives: List[zipfile.ZipFile] = []

    def __enter__(self) -> '_Files':
        if not osp.exists(self.path):
            raise FileNotFoundError(f'{self.path}: no such file')
        self._open: _Open = self._from_folder
        if osp.isfile(self.path):
            self._open = self._from_zip(self.path, self.path)
        return self

    def __exit__(self, *args) -> None:
        for archive in self._archives:
            archive.close()

    def records(self, expected: List[str]) -> Dict[str, _Record]:
        """Read ``pred.json``; return the records of the frames by key.

        Args:
            expected (list[str]): Keys for a list without names.
        """
        name = osp.join(self.path, PRED_FILE)
        try:
            data = json.loads(self._open(PRED_FILE))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            at = f' at line {error.lineno} column {error.colno}' if isinstance(
                error, json.JSONDecodeError) else ''
            raise AnnotationError(f'{name}: not valid JSON{at}') from None
        if not isinstance(data, dict):
            raise AnnotationError(f'{name}: top level is a '
                                  f'{type(data).__name__}, expected a dict')
        annotations = require(data, 'annotations', name, types=list)
        self.nested = any(
            isinstance(item, dict) and 'annotations' in item
            for item in annotations)
        found: Dict[str, _Record] = {}
        if self.nested:
            for i, video in enumerate(annotations):
                at = f'annotations[{i}]'
                video_id = require(video, 'video_id', name, at, (str, int))
                frames = require(video, 'annotations', name, at, list)
                _add(found, frames, f'{video_id}/', name, f'{at}.annotations')
        else:
            _add(found, _named(annotations, expected, name), '', name,
                 'annotations')
            self._open_pictures()
        return found

    def read(self, record: _Record, size: Tuple[int, int],
             categories: set) -> dict:
        """Read the picture of a frame and check it against its record."""
        entry, segments = record
        name = osp.join(self.path, PRED_FOLDER, entry)
        ids = decode_panoptic_map(
            self._open(f'{PRED_FOLDER}/{entry}'), name, channels=3)
        if ids.shape != size:
            raise AnnotationError(f'{name}: map of size {ids.shape}, expected '
                                  f'{size} as the frame')
        PanopticFrameTable.from_maps(ids, ids, segments, segments, categories,
                                     name)
        return dict(pan_seg=ids, segments_info=segments)

    def _open_pictures(self) -> None:
        """Look into the inner zip, if the pictures are in one."""
        try:
            content = self._open(PRED_ZIP)
        except FileNotFoundError:
            return
        name = osp.join(self.path, PRED_ZIP)
        inner = self._from_zip(io.BytesIO(content), name)

        def read(entry: str) -> bytes:
            try:
                return inner(entry[len(PRED_FOLDER) + 1:])
            except FileNotFoundError:
                # some pack the folder, not its content
                return inner(entry)

        self._open = read

    def _from_folder(self, entry: str) -> bytes:
        path = osp.join(self.path, entry)
        if not osp.isfile(path):
            raise FileNotFoundError(f'{path}: no such file')
        with open(path, 'rb') as file:
            return file.read()

    def _from_zip(self, source: Any, name: str) -> _Open:
        try:
            archive = zipfile.ZipFile(source)
        except zipfile.BadZipFile as error:
            raise AnnotationError(f'{name}: not a zip file ({error}); pack '
                                  'the submission again') from None
        self._archives.append(archive)

        def read(entry: str) -> bytes:
            try:
                return archive.read(entry)
            except KeyError:
                raise FileNotFoundError(
                    f'{osp.join(name, entry)}: no such file') from None
            except (zipfile.BadZipFile, zlib.error) as error:
                raise AnnotationError(
                    f'{osp.join(name, entry)}: broken ({error}); pack the '
                    'submission again') from None

        return read


def _named(frames: list, expected: List[str], file: str) -> list:
    if not frames or any(
            isinstance(item, dict) and 'file_name' in item for item in frames):
        return frames
    if len(frames) != len(expected):
        raise AnnotationError(
            f'{file}: {len(frames)} annotations without file_name, expected '
            f'{len(expected)}, one for each annotated frame of the test data')
    return [
        dict(item, file_name=f'{key}.png') if isinstance(item, dict) else item
        for item, key in zip(frames, expected)
    ]


def _add(found: Dict[str, _Record], frames: list, prefix: str, file: str,
         where: str) -> None:
    for i, frame in enumerate(frames):
        at = f'{where}[{i}]'
        entry = prefix + require(frame, 'file_name', file, at, str)
        key = osp.splitext(entry)[0]
        check_new(key, found, 'frame', file, at)
        segments = require(frame, 'segments_info', file, at, list)
        for k, segment in enumerate(segments):
            for field in ('id', 'category_id'):
                require(segment, field, file, f'{at}.segments_info[{k}]', int)
        found[key] = f'{key}.png', segments
