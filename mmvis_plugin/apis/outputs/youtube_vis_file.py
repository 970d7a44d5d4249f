"""Results in the form of YouTube-VIS."""
import json
from typing import List, Optional

from mmvis_plugin.evaluation.metrics import OpenVideo
from mmvis_plugin.evaluation.metrics.vis_tracks import (FrameTracks,
                                                        predicted_tracks,
                                                        read_frame)
from mmvis_plugin.utils.whole_file import write_whole
from .categories import label_to_category
from .result_writer import FrameView, ResultWriter


class YouTubeVISFile(ResultWriter):
    """Write a list of tracks as servers for YouTube-VIS take them.

    A track has ``video_id`` (1), ``category_id``, ``score`` and
    ``segmentations``, one run-length code per frame, None where it is
    absent. No track is left out for its score. Masks of all frames are held
    as run-length codes until the video ends, some hundred bytes each.

    Args:
        path (str): The JSON file.
        meta (dict, optional): Metainfo of the model, for category ids;
            without it they are label + 1. Defaults to None.
    """
    needs = 'masks'

    def __init__(self, path: str, meta: Optional[dict] = None) -> None:
        self.path = path
        self._categories = label_to_category(meta)
        self._frames: List[FrameTracks] = []
        self._size = (0, 0)

    def write(self, view: FrameView) -> None:
        """Keep the tracks of the next frame.

        Args:
            view (FrameView): The frame.
        """
        self._size = tuple(view.sample.ori_shape[:2])
        frame = dict(pred_track_instances=view.sample.pred_track_instances)
        self._frames.append(read_frame(frame, self._video()))

    def _video(self) -> OpenVideo:
        return OpenVideo(
            1,
            self.path,
            len(self._frames),
            self._size,
            False,
            frames=self._frames,
            next_frame=len(self._frames))

    def close(self) -> None:
        """Join the tracks and write the file."""
        categories = self._categories or {
            label: label + 1
            for frame in self._frames
            for label in frame.labels
        }
        # of equal scores the mean is that score
        results = predicted_tracks(self._video(), categories, 'mean')
        write_whole(self.path, json.dumps(results).encode())
