"""Metric of video object detection by tracks."""
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence

import numpy as np

from mmvis_plugin.registry import DATASETS, METRICS
from mmvis_plugin.utils.errors import AnnotationError
from ..functional import accumulate, box_records
from .video_metric import OpenVideo, VideoMetric, as_dict
from .vis_tracks import join_votes

_FIELDS = ('instances_id', 'scores', 'labels', 'bboxes')


class FrameBoxes(NamedTuple):
    """What a frame adds to the box tracks of its video.

    Args:
        tracks (list[tuple]): id, score, label and box of each prediction.
        instances (list[dict], optional): Annotations; None if nothing is
            known about the frame.
    """
    tracks: List[tuple]
    instances: Optional[List[dict]]


@dataclass(frozen=True)
class BoxRecord:
    """A closed video.

    Args:
        labels (dict): Label to its ``CategoryRecord``.
    """
    labels: dict


@METRICS.register_module()
class BoxTubeMetric(VideoMetric):
    """AP and AR of box tracks (ImageNet VID).

    Takes ``instances_id``, ``scores``, ``labels`` and ``bboxes`` (x1, y1,
    x2, y2 at the original size) of ``pred_track_instances`` and the ground
    truth from the metainfo ``instances`` of each frame. Frames with
    ``has_ann=False`` are not scored. Of detections with equal scores, the
    one of the lower track id comes first.

    Args:
        classwise (bool): Add ``AP_<class>``. Defaults to False.
        track_score (str): 'given': score and label of a track id are the
            same in all frames (query-based models); 'mean': mean score and
            most frequent label over its frames.
        ann_file (str, optional): COCO-video or YouTube-VIS annotations with
            the tracks of missing videos, for ``allow_missing``.
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    default_prefix: Optional[str] = 'boxtube'
    setting_names = ('track_score', )

    def __init__(self,
                 classwise: bool = False,
                 track_score: str = 'given',
                 ann_file: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if track_score not in ('given', 'mean'):
            raise ValueError(f'BoxTubeMetric: track_score={track_score!r}, '
                             "expected 'given' or 'mean'")
        self.classwise = classwise
        self.track_score = track_score
        self.ann_file = ann_file

    @property
    def classes(self) -> Sequence[str]:
        """Sequence[str]: Name of each label."""
        meta = self.dataset_meta or {}
        if 'classes' not in meta:
            raise ValueError("BoxTubeMetric: dataset_meta lacks 'classes'; "
                             'set evaluator.dataset_meta = dataset.metainfo')
        return meta['classes']

    def reduce_frame(self, frame: dict, video: OpenVideo) -> FrameBoxes:
        """Keep boxes, scores, labels and raw annotations."""
        name = f'{video.name}, frame {video.next_frame}'
        if 'pred_track_instances' not in frame:
            raise ValueError(f'{name}: pred_track_instances is missing; the '
                             'model must predict tracks')
        pred = as_dict(frame['pred_track_instances'])
        absent = set(_FIELDS) - set(pred)
        if absent:
            raise ValueError(f'{name}: pred_track_instances lacks '
                             f'{sorted(absent)}; this metric needs boxes of '
                             'tracks')
        columns = [pred[key].tolist() for key in _FIELDS]
        if len(set(map(len, columns))) > 1:
            raise ValueError(f'{name}: {_FIELDS} have '
                             f'{tuple(map(len, columns))} entries, expected '
                             'equal numbers')
        if len(set(columns[0])) < len(columns[0]):
            raise ValueError(f'{name}: a track id occurs twice among '
                             f'{columns[0]}, expected once per frame')
        if not np.isfinite(columns[3]).all():
            raise ValueError(f'{name}: bboxes hold a value that is not '
                             'finite, expected pixels')
        instances = frame.get('instances')
        if not frame.get('has_ann', instances is not None):
            return FrameBoxes(list(zip(*columns)), None)
        return FrameBoxes(list(zip(*columns)), list(instances or []))

    def reduce_video(self, video: OpenVideo) -> BoxRecord:
        """Turn a video into IoU matrices by label."""
        frames = [f for f in video.frames if f.instances is not None]
        results = self._results(video, frames)
        tracks = self._ground_truth(video, frames)
        if not frames:
            return BoxRecord({})
        return BoxRecord(box_records(tracks, results, len(frames)))

    def missing_records(self, video_ids: Sequence[Hashable]) -> dict:
        """Read the tracks of videos that never came from ``ann_file``."""
        if self.ann_file is None:
            return super().missing_records(video_ids)
        dataset = DATASETS.build(
            dict(
                type='YouTubeVIS',
                ann_file=self.ann_file,
                metainfo=dict(classes=tuple(self.classes)),
                unknown='drop',
                on_label_conflict='first',
                check_files='none',
                test_mode=True))
        videos = {
            video['video_id']: video
            for video in map(dataset.get_data_info, range(len(dataset)))
        }
        unknown = [i for i in video_ids if i not in videos]
        if unknown:
            raise ValueError(
                f'{self.ann_file}: {len(unknown)} missing videos are not in '
                f'it: {unknown[:5]}; give the ann_file of the test data')
        return {
            i: self.reduce_video(_without_predictions(videos[i]))
            for i in video_ids
        }

    def compute_from_records(self, records: Dict[Hashable, BoxRecord]) -> dict:
        """Accumulate AP and AR."""
        results = accumulate([record.labels for record in records.values()],
                             range(len(self.classes)), True)
        per_class = results.pop('per_category')
        if self.classwise:
            for label, name in enumerate(self.classes):
                results[f'AP_{name}'] = per_class[label]['AP']
        return results

    def _results(self, video: OpenVideo,
                 frames: Sequence[FrameBoxes]) -> List[dict]:
        votes: Dict[int, Any] = defaultdict(lambda: ([], []))
        for frame in video.frames:
            for track, score, label, _ in frame.tracks:
                votes[track][0].append(score)
                votes[track][1].append(label)
        tubes = {track: [None] * len(frames) for track in sorted(votes)}
        for index, frame in enumerate(frames):
            for track, _, _, box in frame.tracks:
                tubes[track][index] = _as_xywh(box)
        results = []
        for track, boxes in tubes.items():
            name = f'{video.name}, track {track}'
            score, label = join_votes(*votes[track], self.track_score, name)
            if not 0 <= label < len(self.classes):
                raise ValueError(
                    f'{name}: label {label}, expected one of the '
                    f'{len(self.classes)} classes of the data set')
            results.append(dict(category_id=label, score=score, bboxes=boxes))
        return results

    def _ground_truth(self, video: OpenVideo,
                      frames: Sequence[FrameBoxes]) -> List[dict]:
        tracks: Dict[int, dict] = {}
        for index, frame in enumerate(frames):
            for item in frame.instances:
                label, instance = item['bbox_label'], item['instance_id']
                track = tracks.setdefault(
                    instance,
                    dict(
                        category_id=label,
                        iscrowd=False,
                        bboxes=[None] * len(frames)))
                if (track['category_id'] != label
                        or not 0 <= label < len(self.classes)):
                    raise AnnotationError(
                        f'{video.name}: instance {instance} has label '
                        f'{label}, expected one of the {len(self.classes)} '
                        'classes, the same in all frames')
                track['iscrowd'] |= bool(item.get('ignore_flag', 0))
                track['bboxes'][index] = _as_xywh(item['bbox'])
        return [tracks[instance] for instance in sorted(tracks)]


def _without_predictions(record: dict) -> OpenVideo:
    """Turn a record of a data set into a video of which nothing is found."""
    images = record['images']
    video = OpenVideo(record['video_id'], record['video_name'], len(images),
                      (images[0]['height'], images[0]['width']), False)
    video.frames = [
        FrameBoxes([], image['instances'] if image['has_ann'] else None)
        for image in images
    ]
    return video


def _as_xywh(box: Sequence[float]) -> List[float]:
    left, top, right, bottom = box
    return [left, top, max(right - left, 0.), max(bottom - top, 0.)]
