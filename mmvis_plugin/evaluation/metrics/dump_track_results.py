"""Write predicted tracks and maps to a file for offline evaluation."""
from typing import Any, Dict, List, Sequence

from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log

from mmvis_plugin.registry import METRICS
from mmvis_plugin.structures import encode_panoptic_map
from mmvis_plugin.utils.whole_file import whole_file

_FRAME_KEYS = ('frame_id', 'img_path', 'ori_shape')


@METRICS.register_module()
class DumpTrackResults(DumpResults):
    """Dump one record per video: its frames with what is predicted.

    Ground truth and the windows whose result is provisional are left out;
    masks stay RLE, panoptic maps become PNG. A record is a dict with
    ``video_id``, ``video_name`` and ``frames``, a list of dicts with
    ``frame_id``, ``img_path``, ``ori_shape``, the fields of
    ``pred_track_instances`` and, of ``pred_panoptic_seg``, ``panoptic_png``.

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
        name = f'video {video_id}, frame {frame.get("frame_id")}'
        if 'pred_track_instances' in frame:
            record.update(frame.pred_track_instances.to('cpu').items())
        if 'pred_panoptic_seg' in frame:
            codes = frame.pred_panoptic_seg.sem_seg[0].cpu().numpy()
            record['panoptic_png'] = encode_panoptic_map(codes, name)
        if len(record) == len(_FRAME_KEYS):
            raise ValueError(f'{name}: neither pred_track_instances nor '
                             'pred_panoptic_seg, expected predictions')
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
            with whole_file(self.out_file_path) as unfinished:
                dump(videos, unfinished, file_format='pkl')
            print_log(
                f'results of {len(videos)} videos written to '
                f'{self.out_file_path}',
                logger='current')
        return {}
