"""Thousands of videos through a model, by any number of processes."""
import errno
import os.path as osp
import shutil
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from typing import Callable, Dict, List, Mapping, Optional, Sequence

from mmvis_plugin.utils.claims import LIVE, Claim, Claims
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.progress import FrameProgress
from ..video_inferencer import VideoInferencer
from .bulk_records import DONE, FAILED, BulkRecords
from .bulk_report import BulkReport
from .shard import Shard
from .stop_signal import StopSignal
from .video_job import BulkOptions, OutputMisfit, run_video
from .video_list import ListedVideo

_POLL = 2.  # seconds
_MOST_DEATHS = 3
# the next video would meet them, too
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_EXPECTED = (AnnotationError, FileNotFoundError)


class BulkInference:
    """Run a model on the videos of a shard that are not done yet.

    Each video is claimed; its outputs are made aside, moved to their place
    and then recorded. A process that is killed loses the video that it works
    on. Any number of processes may work on the same folder at any time, also
    on the same shard.

    Args:
        load_model (Callable): Returns a :class:`VideoInferencer`; called if
            there is work.
        videos (Sequence[ListedVideo]): All of them; all processes need the
            same list.
        out_dir (str): Folder of outputs, records and the summary.
        identity (Mapping): What tells the model from others.
        options (BulkOptions): What is to be done.
        shard (Shard): The part of this process. Defaults to everything.
        steal (bool): Go on with videos of other shards. Defaults to False.
        retry_failed (bool): Also videos that have failed before. Defaults
            to False.
        clip_len (int): Frames that are encoded at once. Defaults to 1.
        stale_after (float): See :class:`Claims`. Defaults to 180.
        show_progress (bool): Defaults to True.

    Raises:
        ValueError: If the folder was made with another model or other
            options.
    """

    def __init__(self,
                 load_model: Callable[[], VideoInferencer],
                 videos: Sequence[ListedVideo],
                 out_dir: str,
                 identity: Mapping,
                 options: BulkOptions = BulkOptions(),
                 shard: Shard = Shard(),
                 steal: bool = False,
                 retry_failed: bool = False,
                 clip_len: int = 1,
                 stale_after: float = 180.,
                 show_progress: bool = True) -> None:
        self.load_model = load_model
        self.inferencer: Optional[VideoInferencer] = None
        self.videos = videos
        self.options = options
        self.shard = shard
        self.steal = steal
        self.retry_failed = retry_failed
        self.clip_len = clip_len
        self.show_progress = show_progress
        self.records = BulkRecords(out_dir, {**identity, **asdict(options)})
        self.claims = Claims(
            osp.join(self.records.state, 'claims'), stale_after)
        self._outdated: Dict[str, str] = {}

    def run(self) -> BulkReport:
        """Process what is open; SIGTERM and SIGINT stop between videos.

        Returns:
            BulkReport: What became of the shard. The summary over all
            shards is on disk.

        Raises:
            ValueError: If the folder holds another video of the same name,
                an output does not fit the model, the disk is full or the GPU
                in trouble.
        """
        start, report = time.perf_counter(), BulkReport()
        own = self.shard.of(self.videos)
        queue = self._open_ones(own)
        report.skipped = [self._state(video) for video in own].count(DONE)
        if self.steal:
            mine = {video.name for video in own}
            queue += self._open_ones(
                [video for video in self.videos if video.name not in mine])
        stopped = queue and self._work_on(queue, report)
        self.records.summarise(self.videos)
        report.seconds = time.perf_counter() - start
        self._count(own, bool(stopped), report)
        return report

    def _open_ones(self, videos: List[ListedVideo]) -> List[ListedVideo]:
        """Return those to be done, and note records that do not hold."""
        for video in videos:
            record = self.records.read(video)
            if record is None:
                continue
            again = self.retry_failed and record['state'] == FAILED
            if again or not self.records.is_settled(video, record):
                self._outdated[video.name] = record['attempt']
        return [video for video in videos if self._state(video) is None]

    def _state(self, video: ListedVideo) -> Optional[str]:
        """Return whether a video is done or failed, None if it is open."""
        record = self.records.read(video)
        if record is None or record['attempt'] == self._outdated.get(
                video.name):
            return None
        return record['state']

    def _work_on(self, queue: List[ListedVideo], report: BulkReport) -> bool:
        """Load the model and go; return whether a signal came."""
        self.inferencer = self.load_model()
        self.inferencer.show_progress = False
        try:
            with StopSignal() as stop, FrameProgress(
                    len(queue), 'videos',
                    visible=self.show_progress) as progress:
                self._work(queue, stop, progress, report)
                return bool(stop)
        except BaseException as error:
            # the first error is the one to tell of
            with suppress(OSError):
                self.records.summarise(self.videos)
            self._check_surroundings(error)
            raise

    def _work(self, queue: List[ListedVideo], stop: StopSignal,
              progress: FrameProgress, report: BulkReport) -> None:
        """Process what nobody else does, then what others have dropped."""
        while queue and not stop:
            held = []
            for video in queue:
                if stop:
                    return
                if not self._attempt(video, report):
                    held.append(video)
                else:
                    progress.advance()
            # whose process shows that it runs is left to it
            queue = [v for v in held if self.claims.state(v.name) != LIVE]
            if queue and not stop:
                time.sleep(_POLL)

    def _attempt(self, video: ListedVideo, report: BulkReport) -> bool:
        """Settle a video; return whether it was not in other hands."""
        claim = self.claims.take(video.name)
        if claim is None:
            return False
        with claim:
            # it may have been settled before it could be claimed
            if self._state(video) is None:
                self._process(video, claim, report)
        return True

    def _process(self, video: ListedVideo, claim: Claim,
                 report: BulkReport) -> None:
        stamp, start = video.stamp(), time.perf_counter()
        staging = self.records.staging(osp.basename(claim.path))
        if claim.number >= _MOST_DEATHS:
            return self._fail(
                video, stamp, f'{claim.number} processes ended while they '
                'worked on it; it may need more memory than there is')
        try:
            facts = run_video(self.inferencer, video, staging, self.options,
                              self.clip_len)
            if not claim.holds():
                print(f'{video.source}: taken over by another process')
                return
            files = self.records.publish(staging)
        except Exception as error:
            self._check_surroundings(error)
            self._fail(video, stamp, _reason(error), _trace(error))
            if 'CUDA error' in str(error):
                raise ValueError(
                    f'{video.source}: {_reason(error)}; the GPU takes no more '
                    'work from this process, start it again') from error
        else:
            self.records.write(
                video,
                DONE,
                stamp,
                files=files,
                seconds=round(time.perf_counter() - start, 3),
                **facts._asdict())
            report.done += 1
            report.frames += facts.frames
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _check_surroundings(self, error: BaseException) -> None:
        """Raise errors that are not about the video."""
        if isinstance(error, OutputMisfit):
            raise error
        if isinstance(error, OSError) and error.errno in _FULL:
            raise ValueError(
                f'{self.records.out_dir}: {error.strerror}; make room and '
                'start again, what is done is kept') from error

    def _fail(self,
              video: ListedVideo,
              stamp: Optional[List[int]],
              reason: str,
              trace: Optional[str] = None) -> None:
        # most reasons start with the file
        named = reason if video.source in reason else (
            f'{video.source}: {reason}')
        print(f'failed: {named}', file=sys.stderr, flush=True)
        self.records.write(video, FAILED, stamp, error=reason, trace=trace)

    def _count(self, own: List[ListedVideo], stopped: bool,
               report: BulkReport) -> None:
        """Look at the shard once more: others may have worked on it."""
        states = [self._state(video) for video in own]
        report.failed = states.count(FAILED)
        if stopped:
            report.left = states.count(None)
        else:
            report.elsewhere = states.count(None)


def _reason(error: Exception) -> str:
    """Return one line for a list of failures."""
    lines = str(error).strip().splitlines()
    text = lines[0].replace('\t', ' ') if lines else 'no message'
    if isinstance(error, _EXPECTED):
        return text
    return f'{type(error).__name__}: {text}'


def _trace(error: Exception) -> Optional[str]:
    """Return where an error that nobody expects comes from."""
    if isinstance(error, _EXPECTED):
        return None
    return ''.join(
        traceback.format_exception(type(error), error, error.__traceback__))
