"""Several video datasets as one."""
from typing import Any, List, Union

from mmengine.dataset import BaseDataset, ConcatDataset

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .class_tables import normalise_name
from .video_seg_dataset import Index


@DATASETS.register_module()
class JointVideoDataset(ConcatDataset):
    """Concatenation of datasets with one class list.

    Used with ``JointVideoSampler``. All index forms of
    :class:`VideoSegDataset` work; the video index counts over all datasets.

    Args:
        datasets (list[BaseDataset | dict]): Datasets or their configs.

    Differs from ``ConcatDataset`` of mmengine: only the classes have to
    agree, so that sources with other category ids fit, and tuples as index
    reach the right dataset.

    Raises:
        AnnotationError: If the class lists differ.
    """

    def __init__(self, datasets: List[Union[BaseDataset, dict]]) -> None:
        built = [
            DATASETS.build(item) if isinstance(item, dict) else item
            for item in datasets
        ]
        lists = []
        for dataset in built:
            dataset.full_init()
            lists.append(
                [normalise_name(name) for name in dataset.metainfo['classes']])
        for i, names in enumerate(lists):
            if names != lists[0]:
                raise AnnotationError(
                    f'datasets[{i}] ({built[i].ann_file}) has the classes '
                    f'{built[i].metainfo["classes"]}, expected those of '
                    f'datasets[0]: {built[0].metainfo["classes"]}')
        keys = sorted({key for dataset in built for key in dataset.metainfo})
        super().__init__(built, ignore_keys=keys)

    def __getitem__(self, idx: Index) -> Any:
        """Return the sample of a video index or a tuple that starts with it.

        Args:
            idx (int | tuple): One of the index forms of ``VideoSegDataset``.
        """
        if not isinstance(idx, (tuple, list)):
            return super().__getitem__(idx)
        video, *window = idx
        source, local = self._get_ori_dataset_idx(video)
        return self.datasets[source][(local, *window)]

    def get_len_per_video(self, idx: int) -> int:
        """Return the number of frames of a video.

        Args:
            idx (int): Video index over all datasets.
        """
        source, local = self._get_ori_dataset_idx(idx)
        return self.datasets[source].get_len_per_video(local)
