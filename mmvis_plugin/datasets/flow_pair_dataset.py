"""Pairs of images with the flow from one to the other."""
import re
from pathlib import Path
from typing import Dict, List

from mmengine.dataset import BaseDataset

from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError

_PAIR = re.compile(r'(.+)_to_(.+)')


@DATASETS.register_module()
class FlowPairDataset(BaseDataset):
    """Every file of flow below a folder, with its two images.

    Names are those of :func:`~mmvis_plugin.structures.flow_path`:
    ``<flow_folder>/<folder>/<source>_to_<target>.png`` is the flow between
    the images ``<folder>/<source>.*`` and ``<folder>/<target>.*``. Every
    format of MovingShapes has them if it was written with ``--with-flow``,
    and so may any other data.

    Args:
        data_root (str): Folder of the data set.
        pattern (str): Glob of the files of flow below ``flow_folder``, which
            picks a split. Defaults to ``'**/*.png'``.
        flow_folder (str): Folder of all flow below ``data_root``.
            Defaults to 'flow'.
        **kwargs: Arguments of ``BaseDataset``.
    """

    def __init__(self,
                 data_root: str,
                 *args,
                 pattern: str = '**/*.png',
                 flow_folder: str = 'flow',
                 **kwargs) -> None:
        self.pattern = pattern
        self.flow_folder = flow_folder
        super().__init__(*args, data_root=data_root, **kwargs)

    def load_data_list(self) -> List[Dict]:
        """Look for files.

        Returns:
            List[Dict]: ``img_paths`` of both images and ``flow_path``, in
            the order of the names.

        Raises:
            FileNotFoundError: If there is no flow.
            AnnotationError: If a name is not that of a pair, or an image is
                missing.
        """
        root = Path(self.data_root)
        flow_root = root / self.flow_folder
        images: Dict[Path, Dict[str, Path]] = {}
        records = []
        for path in sorted(flow_root.glob(self.pattern)):
            folder = root / path.parent.relative_to(flow_root)
            if folder not in images:
                images[folder] = {p.stem: p for p in folder.glob('*')}
            records.append(self._record(path, folder, images[folder]))
        if not records:
            raise FileNotFoundError(
                f'{flow_root}: no file fits pattern={self.pattern!r}, '
                'expected flow as make_moving_shapes.py --with-flow writes '
                'it; check data_root and pattern')
        return records

    @staticmethod
    def _record(path: Path, folder: Path, images: Dict[str, Path]) -> Dict:
        names = _PAIR.fullmatch(path.stem)
        if names is None:
            raise AnnotationError(f'{path}: name of another form, expected '
                                  '<source>_to_<target>.png; rename the file')
        lost = [name for name in names.groups() if name not in images]
        if lost:
            raise AnnotationError(
                f'{path}: no image {lost[0]!r} in {folder}, expected both '
                'images of the pair; restore it or delete the flow')
        return dict(
            img_paths=[str(images[name]) for name in names.groups()],
            flow_path=str(path))
