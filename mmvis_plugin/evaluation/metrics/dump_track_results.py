"""Write predicted tracks to a file for offline evaluation."""
import os
from typing import Any, Dict, List, Sequence

from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log

from mmvis_plugin.registry import METRICS

_FRAME_KEYS = ('frame_id', 'img_path', 'ori_shape')


@METRICS.register_module()
class DumpTrackResults(DumpResults):
    """Dump one record per video: its frames with their predicted tracks.

    Ground truth and the windows whose result is provisional are left out;
    masks stay RLE. A record is a dict with ``video_id``, ``video_name`` and
    ``frames``, a list of dicts with ``frame_id``, ``img_path``,
    ``ori_shape`` and the fields of ``pred_track_instances``.

    Args:
        out_file_path (str): File to write, ends in .pkl or .pickle.
        collect_device (str): 'cpu' or 'gpu'. Defaults to 'cpu'.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): Track samples as dicts.
        """
        for video in data_samples:
            if video.get('provisional', False):
                continue
            for frame in video['video_data_samples']:
                self._keep(frame)

    def _keep(self, frame: Any) -> None:
        video_id = frame.video_id
        if not self.results or self.results[-1]['video_id'] != video_id:
            self.results.append(
                dict(
                    video_id=video_id,
                    video_name=frame.get('video_name'),
                    frames=[]))
        record: Dict[str, Any] = {key: frame.get(key) for key in _FRAME_KEYS}
        record.update(frame.pred_track_instances.to('cpu').items())
        self.results[-1]['frames'].append(record)

    def evaluate(self, size: int) -> dict:
        """Gather the videos of all processes and write them.

        Args:
            size (int): Not used: every process dumps all it saw.

        Returns:
            dict: Empty.
        """
        parts: List[list] = all_gather_object(self.results)
        self.results = []
        if is_main_process():
            videos = [video for part in parts for video in part]
            videos.sort(key=lambda video: video['video_id'])
            partial = f'{self.out_file_path}.tmp'
            dump(videos, partial, file_format='pkl')
            os.replace(partial, self.out_file_path)
            print_log(
                f'tracks of {len(videos)} videos written to '
                f'{self.out_file_path}',
                logger='current')
        return {}
