"""Base of the metrics that judge whole videos."""
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Dict, Hashable, List, Optional, Sequence, Tuple

from mmengine.dist import all_gather_object, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement


@dataclass
class OpenVideo:
    """A video of which frames have arrived.

    Args:
        video_id (Hashable): Id of the video.
        name (str): What messages call it.
        length (int): Number of frames of the whole video.
        size (tuple[int, int]): Height and width of the original frames.
        provisional (bool): Only frames without final predictions so far.
        frames (list): What :meth:`VideoMetric.reduce_frame` kept of each
            frame, in order.
        next_frame (int): Position of the frame that must come next.
    """
    video_id: Hashable
    name: str
    length: int
    size: Tuple[int, int]
    provisional: bool
    frames: List[Any] = field(default_factory=list)
    next_frame: int = 0


class VideoMetric(BaseMetric):
    """A metric over videos that arrive whole, in windows or frame by frame.

    The frames of a video come in order and once each; videos may be
    interleaved. Each frame is cut down to what the metric needs at once
    (:meth:`reduce_frame`), and the last frame of a video turns it into a
    small record (:meth:`reduce_video`), so no mask outlives its video.
    Records of all ranks are gathered, one is kept per video, and they are
    sorted by video id: the result depends neither on the number of ranks nor
    on the order of the videos.

    A sample with the metainfo ``provisional=True`` only announces frames:
    its predictions are ignored, and a later sample must bring all frames of
    the video with the final ones.

    Args:
        allow_missing (bool): Score a video of the data set that never came
            as one without predictions, instead of raising. A metric has to
            know the annotation of such a video, see
            :meth:`missing_records`. Defaults to False.
        collect_device (str): 'cpu' or 'gpu', where ranks exchange records.
            Defaults to 'cpu'.
        prefix (str, optional): Prefix of the result names. None takes the
            prefix of the class.
        collect_dir (str, optional): Folder shared by all ranks, for
            ``collect_device='cpu'``.
    """

    setting_names: Tuple[str, ...] = ()
    """tuple[str]: Attributes that results of two runs must share."""

    def __init__(self,
                 allow_missing: bool = False,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 collect_dir: Optional[str] = None) -> None:
        super().__init__(
            collect_device=collect_device,
            prefix=prefix,
            collect_dir=collect_dir)
        self.allow_missing = allow_missing
        self._open: Dict[Hashable, OpenVideo] = {}
        self._closed: set = set()
        self._num_samples = 0
        self._missing: List[Hashable] = []

    @property
    def settings(self) -> Dict[str, Any]:
        """dict[str, Any]: Options without which numbers cannot be compared."""
        return {name: getattr(self, name) for name in self.setting_names}

    @abstractmethod
    def reduce_frame(self, frame: dict, video: OpenVideo) -> Any:
        """Return what the metric keeps of a frame until its video ends.

        Args:
            frame (dict): Fields and metainfo of the frame, as
                ``DetDataSample.to_dict`` gives them.
            video (OpenVideo): The video; ``len(video.frames)`` frames of it
                are known.
        """

    @abstractmethod
    def reduce_video(self, video: OpenVideo) -> Any:
        """Return the record of a complete video.

        Args:
            video (OpenVideo): All of its frames are known.

        Returns:
            Any: A few kB that can be pickled; never None, and no named
            tuple, which mmengine turns into a plain one.
        """

    @abstractmethod
    def compute_from_records(self, records: Dict[Hashable, Any]) -> dict:
        """Return the results over all videos.

        Args:
            records (dict): Record of each video, sorted by video id.

        Returns:
            dict[str, float]: Name to value, without the prefix.
        """

    def missing_records(self, video_ids: Sequence[Hashable]) -> dict:
        """Return records for videos that never came (``allow_missing``).

        Annotations come with the frames, so that a metric without another
        source of them cannot count what is missed in such a video.

        Args:
            video_ids (Sequence): Ids of these videos, at least one.

        Returns:
            dict: Video id to a record without predictions.

        Raises:
            ValueError: If the annotations of these videos are not known.
        """
        raise ValueError(
            f'{type(self).__name__}: allow_missing=True, but the annotations '
            f'of {len(video_ids)} missing videos are not known: '
            f'{list(video_ids)[:5]}; give ann_file to metrics that take it, '
            'or score a file of tools/test.py --out with '
            'tools/analysis_tools/eval_metric.py --allow-missing')

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take in the next samples of the model.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): Each a ``TrackDataSample`` (or its
                ``to_dict``) of a whole video, a window or one frame, or a
                bare ``DetDataSample`` (or its dict) of one frame.

        Raises:
            ValueError: If frames of a video are missing, repeated or out of
                order, or differ in size.
        """
        for sample in data_samples:
            sample = as_dict(sample)
            frames = sample.get('video_data_samples', [sample])
            if len(frames) == 0:
                raise ValueError(f'{type(self).__name__}: got a sample '
                                 'without frames, expected at least one')
            self._num_samples += 1
            self._add_frames([as_dict(frame) for frame in frames],
                             bool(sample.get('provisional', False)))

    def evaluate(self, size: int) -> dict:
        """Compute the results of all videos of all ranks.

        Args:
            size (int): Length of the data set; only used to notice missing
                videos where the data set does not list its ``video_ids``.

        Returns:
            dict[str, float]: Results under their prefixed names.

        Raises:
            ValueError: If a video is incomplete, or missing and
                ``allow_missing`` is off.
        """
        try:
            ids = [video_id for video_id, _ in self.results]
            states = all_gather_object(
                (self._unfinished(), ids, self._num_samples))
            self._missing = self._check_complete(states, size)
            # never cut: ranks may hold different numbers of videos
            longest = max(len(ids) for _, ids, _ in states)
            return super().evaluate(get_world_size() * longest)
        finally:
            self.results.clear()
            self._open.clear()
            self._closed.clear()
            self._missing = []
            self._num_samples = 0

    def compute_metrics(self, results: List[Tuple[Hashable, Any]]) -> dict:
        """Compute the results from the gathered records.

        Args:
            results (list[tuple]): (video id, record) of all ranks, in any
                order; of equal ids the first counts.

        Returns:
            dict[str, float]: Name to value, without the prefix.
        """
        records: Dict[Hashable, Any] = {}
        for video_id, record in results:
            records.setdefault(video_id, record)
        if self._missing:
            records.update(self.missing_records(self._missing))
        results = self.compute_from_records(
            {video_id: records[video_id]
             for video_id in sorted(records)})
        if results:
            options = [f'{k}={v!r}' for k, v in self.settings.items()]
            counted = f'{type(self).__name__}: {len(records)} videos'
            print_log(', '.join([counted, *options]), logger='current')
        return results

    def _add_frames(self, frames: List[dict], provisional: bool) -> None:
        video = self._enter(frames, provisional)
        for frame in frames:
            self._check_frame(frame, video)
            if not provisional:
                video.frames.append(self.reduce_frame(frame, video))
            video.next_frame += 1
        if video.next_frame == video.length and not provisional:
            self.results.append((video.video_id, self.reduce_video(video)))
            self._closed.add(video.video_id)
            del self._open[video.video_id]

    def _enter(self, frames: List[dict], provisional: bool) -> OpenVideo:
        """Return the video that the frames continue, opened if new."""
        first = frames[0]
        video_id = self._meta(first, 'video_id', 'a frame')
        name = first.get('video_name')
        name = f'video {video_id}' + (f' ({name})' if name else '')
        if video_id in self._closed:
            raise ValueError(f'{name}: got frame {first.get("frame_id")} '
                             'after its last frame; each video comes once')
        length = int(self._meta(first, 'ori_video_length', name))
        video = self._open.get(video_id)
        final = not provisional and len(frames) == length
        if video is None or (video.provisional and final):
            size = tuple(self._meta(first, 'ori_shape', name)[:2])
            video = OpenVideo(video_id, name, length, size, provisional)
            self._open[video_id] = video
        elif video.provisional != provisional:
            raise ValueError(
                f'{name}: got {len(frames)} frames with provisional='
                f'{provisional} after provisional={video.provisional}; after '
                f'provisional windows comes one sample of all {length} frames')
        return video

    def _check_frame(self, frame: dict, video: OpenVideo) -> None:
        frame_id = self._meta(frame, 'frame_id', video.name)
        video_id = frame.get('video_id')
        if video_id != video.video_id or frame_id != video.next_frame:
            raise ValueError(
                f'{video.name}: got frame {frame_id} of video {video_id}, '
                f'expected frame {video.next_frame} of {video.length}; frames '
                'come in order and once each')
        size = tuple(self._meta(frame, 'ori_shape', video.name)[:2])
        if size != video.size:
            raise ValueError(f'{video.name}, frame {frame_id}: size {size}, '
                             f'expected {video.size} as in frame 0')

    def _meta(self, frame: dict, key: str, name: str) -> Any:
        if key not in frame:
            raise ValueError(
                f'{name}: metainfo {key!r} is missing; add it to meta_keys of '
                'the packing transform')
        return frame[key]

    def _unfinished(self) -> List[str]:
        return [
            f'{video.name} has {video.next_frame} of {video.length} frames' +
            (' (provisional)' if video.provisional else '')
            for video in self._open.values()
        ]

    def _check_complete(self, states: Sequence[tuple],
                        size: int) -> List[Hashable]:
        """Raise, on every rank alike, if videos are incomplete or missing;
        return the ids of those that may be missing."""
        name = type(self).__name__
        unfinished = [text for texts, _, _ in states for text in texts]
        if unfinished:
            raise ValueError(f'{name}: {len(unfinished)} videos are '
                             f'incomplete: {"; ".join(unfinished[:5])}; feed '
                             'every frame before evaluate()')
        done = {video_id for _, ids, _ in states for video_id in ids}
        if not done:
            raise ValueError(f'{name}: no video was processed')
        expected = (self.dataset_meta or {}).get('video_ids')
        # offline evaluation passes the number of samples as the size
        offline = size == sum(count for _, _, count in states)
        if expected is not None:
            missing = [i for i in expected if i not in done]
        elif size > len(done) and not offline:
            missing = [f'{size - len(done)} of unknown id']
        else:
            missing = []
        if missing and not self.allow_missing:
            raise ValueError(
                f'{name}: {len(missing)} videos of the data set were not '
                f'processed: {missing[:5]}; process them all, or set '
                'allow_missing=True to score them as empty')
        return missing


def as_dict(item: Any) -> dict:
    """Return fields and metainfo of a data element, or the dict itself.

    Args:
        item (BaseDataElement or dict): For example a ``DetDataSample``.
    """
    return item.to_dict() if isinstance(item, BaseDataElement) else item
