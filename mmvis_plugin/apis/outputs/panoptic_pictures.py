"""Panoptic maps as pictures and a list of their segments."""
import json
import os.path as osp
from typing import List, Optional

from mmvis_plugin.evaluation.metrics.panoptic_ids import PanopticIds
from mmvis_plugin.evaluation.metrics.panoptic_metric import predicted_segments
from mmvis_plugin.evaluation.metrics.panoptic_submission import \
    renumber_segments
from mmvis_plugin.structures import write_panoptic_map
from mmvis_plugin.utils.whole_file import write_whole
from .categories import panoptic_categories
from .result_writer import FrameView, ResultWriter


class PanopticPictures(ResultWriter):
    """Write ``00000.png``, ... and a JSON file beside their folder.

    A picture holds segment ids, R + 256 G + 65536 B, 0 for void; ids are
    those of :class:`PanopticIds`, the same in all frames. The JSON file has
    ``annotations``, a list of one video with ``video_id`` and
    ``annotations``, one entry per frame with ``image_id``, ``file_name`` and
    ``segments_info``, as servers for VIPSeg take it, and ``categories``.

    Args:
        path (str): The folder; the JSON file has the same name and
            ``.json``.
        meta (dict, optional): Metainfo of the model with ``classes`` and
            ``thing_classes``. Defaults to None.

    Raises:
        ValueError: If the classes are not known.
    """
    needs = 'maps'

    def __init__(self, path: str, meta: Optional[dict] = None) -> None:
        self.path = path
        self._meta = meta
        self._categories: List[dict] = []
        self._ids = PanopticIds()
        self._records: List[dict] = []
        self._video = osp.basename(path)

    def check(self, sample) -> None:
        """Refuse a model of tracks, or without names of classes.

        Args:
            sample (DetDataSample): Any frame with its result.

        Raises:
            ValueError: If the output does not fit.
        """
        super().check(sample)
        self._categories = panoptic_categories(self._meta, self.path)

    def write(self, view: FrameView) -> None:
        """Write the picture of the next frame.

        Args:
            view (FrameView): The frame.
        """
        image_id = f'{len(self._records):05d}'
        path = osp.join(self.path, f'{image_id}.png')
        self._categories = self._categories or panoptic_categories(
            self._meta, self.path)
        values = view.sample.pred_panoptic_seg.sem_seg[0].cpu().numpy()
        ids, segments = predicted_segments(
            values, [category['id'] for category in self._categories], path)
        ids, records = renumber_segments(ids, segments, self._categories,
                                         self._ids, path)
        write_panoptic_map(path, ids)
        self._video = view.sample.get('video_name', self._video)
        self._records.append(
            dict(
                image_id=image_id,
                file_name=f'{image_id}.png',
                segments_info=records))

    def close(self) -> None:
        """Write the list of segments."""
        video = dict(video_id=self._video, annotations=self._records)
        content = dict(annotations=[video], categories=self._categories)
        write_whole(f'{self.path}.json', json.dumps(content).encode())
