"""Everything that is wrong with a data set of one JSON file."""
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

from mmengine.logging import MMLogger

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.progress import FrameProgress
from .annotation_checks import read_json, require
from .defects import Defects
from .image_size import check_frame_size, image_size
from .pseudo_video import CocoPseudoVideoDataset
from .transforms import LoadVideoFrame
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource
from .youtube_vis import parse_video_json

_CHUNK = 64


@dataclass
class VisReport:
    """What :func:`check_vis_json` found.

    Attributes:
        file (str): The annotation file.
        defects (list[str]): One line each; empty if the file is sound.
        form (str): Kind of the file, '' if it could not be told.
        counts (dict): Numbers of ``videos``, ``frames``, ``tracks``,
            ``objects`` (of a track in a frame) and ``categories``.
        drops (Counter): What the loader leaves out, by reason.
        annotated (bool): False for a file without annotations.
    """
    file: str
    defects: List[str] = field(default_factory=list)
    form: str = ''
    counts: Dict[str, int] = field(default_factory=dict)
    drops: Counter = field(default_factory=Counter)
    annotated: bool = True


class _Parsed(VideoSegDataset):
    """A data set of what has been parsed already."""

    def __init__(self, source: VideoSource, **kwargs) -> None:
        self.source = source
        super().__init__(serialize_data=False, test_mode=True, **kwargs)

    def load_videos(self) -> VideoSource:
        return self.source


def check_vis_json(file: str,
                   img_prefix: Optional[str] = None,
                   class_table: Optional[str] = None,
                   decode: bool = False,
                   workers: int = 1) -> VisReport:
    """Load a file as a data set does, but go on after a broken record.

    The readers and rules are those of the data sets, so that what is sound
    here loads there.

    Args:
        file (str): YouTube-VIS, COCO-video or COCO instances JSON.
        img_prefix (str, optional): Folder of the frames; None does not look
            at them.
        class_table (str, optional): Stem of a class table that the
            categories have to belong to, e.g. 'ovis'.
        decode (bool): Decode every frame instead of reading its header.
            Defaults to False.
        workers (int): Threads, or processes to decode. Defaults to 1.

    Returns:
        VisReport: The findings.
    """
    report = VisReport(file)
    defects = Defects(collect=True)
    with defects:
        data = read_json(file)
        report.form = _form(data)
        kwargs = dict(
            ann_file=file,
            class_table=class_table,
            defects=defects,
            check_files='none' if img_prefix is None else 'all',
            data_prefix=dict(img_path=img_prefix or ''))
        if report.form == 'COCO instances':
            dataset = _coco_instances(data, **kwargs)
        else:
            source = parse_video_json(data, file, defects)
            report.annotated = source.annotated
            dataset = _Parsed(source, **kwargs)
        _count(dataset, report)
        if img_prefix is not None:
            _check_frames(dataset, decode, workers, defects)
    report.defects = list(defects)
    return report


def _form(data: dict) -> str:
    images = data.get('images')
    if images is None:
        return 'YouTube-VIS'
    first = images[0] if isinstance(images, list) and images else {}
    is_video = 'videos' in data or isinstance(first,
                                              dict) and 'video_id' in first
    return 'COCO-video' if is_video else 'COCO instances'


def _coco_instances(data: dict, ann_file: str,
                    **kwargs) -> CocoPseudoVideoDataset:
    categories = require(data, 'categories', ann_file, types=list)
    class_map = {
        c['id']: c['name']
        for c in categories if isinstance(c, dict)
        and isinstance(c.get('id'), int) and isinstance(c.get('name'), str)
    }
    del data  # the data set reads it again
    return CocoPseudoVideoDataset(
        class_map=class_map,
        clip_length=1,
        ann_file=ann_file,
        serialize_data=False,
        **kwargs)


def _count(dataset: VideoSegDataset, report: VisReport) -> None:
    videos = dataset.data_list
    objects = [
        obj['instance_id'] for video in videos for image in video['images']
        for obj in image['instances']
    ]
    report.drops = dataset.drops
    report.counts = dict(
        videos=len(videos),
        frames=sum(len(video['images']) for video in videos),
        tracks=len(set(objects)),
        objects=len(objects),
        categories=len(dataset.metainfo['classes']))


def _check_frames(dataset: VideoSegDataset, decode: bool, workers: int,
                  defects: Defects) -> None:
    frames = {
        image['img_path']: {
            **{
                key: image[key]
                for key in ('img_path', 'height', 'width', 'frame_id')
            }, 'video_name': video['video_name']
        }
        for video in dataset.data_list
        for image in video['images']
    }
    MMLogger.get_current_instance()  # before any fork
    pool = ProcessPoolExecutor if decode else ThreadPoolExecutor
    with pool(workers) as executor, FrameProgress(len(frames)) as progress:
        found = executor.map(
            decoded_defect if decode else header_defect,
            frames.values(),
            chunksize=_CHUNK)
        for message in found:
            progress.advance()
            if message is not None:
                defects.append(message)


def header_defect(frame: dict) -> Optional[str]:
    """Return what is wrong with the size of a frame, by its header.

    Args:
        frame (dict): ``img_path``, ``height``, ``width``, ``video_name`` and
            ``frame_id``. That the file is missing is no finding: the data
            set has found that already.
    """
    return _message(
        lambda: check_frame_size(image_size(frame['img_path']), frame))


def decoded_defect(frame: dict) -> Optional[str]:
    """Return what is wrong with a frame, by all its pixels.

    Args:
        frame (dict): As in :func:`header_defect`.
    """
    return _message(lambda: LoadVideoFrame().transform(dict(frame)))


def _message(check: Callable[[], object]) -> Optional[str]:
    try:
        check()
    except FileNotFoundError:
        return None
    except AnnotationError as error:
        return str(error)
    return None
