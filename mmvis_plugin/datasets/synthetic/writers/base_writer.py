"""Common course of all writers: fresh folder, videos, index files."""
import json
import os
import shutil
from abc import ABCMeta, abstractmethod
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple
from uuid import uuid4

from mmvis_plugin.structures import flow_path, write_flow
from ..generate import generate_flow, generate_video
from ..synth_cfg import GENERATOR_VERSION, SPLITS, SynthCfg
from ..synth_video import SynthVideo
from .common import digest_files, write_json

META_FILE = 'meta.json'
FLOW_FOLDER = 'flow'
FLOW_DISTANCES = (1, -1, 2, -2)
"""From each image to the one that comes so many later in its folder."""

ImageRun = List[Tuple[int, str]]


class BaseWriter(metaclass=ABCMeta):
    """Write MovingShapes in the format of one benchmark.

    All files are made in a folder beside the target, which gets its name
    with the last step: a folder with a ``meta.json`` is complete.

    Args:
        cfg (SynthCfg): What to generate.
        with_flow (bool): Whether to write the exact flow between images at
            the distances of ``FLOW_DISTANCES``, where
            :func:`~mmvis_plugin.structures.flow_path` says.
            Defaults to False.
    """

    format_name = ''
    label_patterns: Tuple[str, ...] = ()

    def __init__(self, cfg: SynthCfg, with_flow: bool = False) -> None:
        self.cfg = cfg
        self.with_flow = with_flow

    @abstractmethod
    def write_video(self, root: Path, video: SynthVideo) -> Dict:
        """Write images and label maps of a video.

        Args:
            root (Path): Folder of the data set.
            video (SynthVideo): The video.

        Returns:
            Dict: What the index files need, small and picklable.
        """

    @abstractmethod
    def write_index(self, root: Path, split: str, records: List[Dict]) -> None:
        """Write the files that cover all videos of a split.

        Args:
            root (Path): Folder of the data set.
            split (str): 'train' or 'val'.
            records (List[Dict]): Results of :meth:`write_video`, in order.
        """

    @abstractmethod
    def image_runs(self, video: SynthVideo) -> List[ImageRun]:
        """List the images of a video.

        Args:
            video (SynthVideo): The video; its images are not needed.

        Returns:
            List[ImageRun]: For every folder of images, in order, position
            of the frame and path below the folder of the data set.
        """

    def meta(self) -> Dict:
        """Return what identifies the content of the folder."""
        meta = dict(
            format=self.format_name,
            profile=self.cfg.profile,
            seed=self.cfg.seed,
            cfg=self.cfg.to_dict(),
            generator_version=GENERATOR_VERSION)
        if self.with_flow:
            meta['flow'] = list(FLOW_DISTANCES)
        return meta

    def write(self,
              root: str,
              jobs: int = 1,
              progress: Optional[Callable[[int, int], None]] = None) -> bool:
        """Write the data set unless it is there already.

        Args:
            root (str): Target folder.
            jobs (int): Number of processes; the files do not depend on it.
                Defaults to 1.
            progress (Callable, optional): Called with the number of
                finished videos and of all videos.

        Returns:
            bool: False if the same data set was there already.

        Raises:
            FileExistsError: If the folder holds anything else.
        """
        root = Path(root)
        if self._is_there(root):
            return False
        draft = root.with_name(f'{root.name}.part-{uuid4().hex[:8]}')
        draft.mkdir(parents=True)
        try:
            self._fill(draft, jobs, progress)
            if root.exists():
                root.rmdir()
            os.replace(draft, root)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return True

    def _is_there(self, root: Path) -> bool:
        if not root.exists() or (root.is_dir() and not any(root.iterdir())):
            return False
        meta_file = root / META_FILE
        if not meta_file.is_file():
            raise FileExistsError(
                f'{root}: not empty and without {META_FILE}, expected a new '
                'folder; choose another one')
        found = json.loads(meta_file.read_text(encoding='utf-8'))
        digests = found.pop('sha256', None)
        if found != self.meta():
            keys = sorted(
                key for key in set(found) | set(self.meta())
                if found.get(key) != self.meta().get(key))
            raise FileExistsError(
                f'{meta_file}: holds another data set (different {keys}); '
                'choose another folder or delete this one')
        if digests != digest_files(root, self._patterns()):
            raise FileExistsError(
                f'{root}: label files differ from {META_FILE}; delete the '
                'folder and write it again')
        return True

    def _patterns(self) -> Tuple[str, ...]:
        flow = (f'{FLOW_FOLDER}/**/*.png', ) if self.with_flow else ()
        return self.label_patterns + flow

    def _fill(self, root: Path, jobs: int,
              progress: Optional[Callable[[int, int], None]]) -> None:
        tasks = [(split, index) for split in SPLITS
                 for index in range(self.cfg.num_videos(split))]
        records: Dict[str, List[Dict]] = {split: [] for split in SPLITS}
        work = partial(self._run_task, root)
        if jobs > 1:
            with ProcessPoolExecutor(jobs) as pool:
                self._collect(tasks, pool.map(work, tasks), records, progress)
        else:
            self._collect(tasks, map(work, tasks), records, progress)
        for split in SPLITS:
            self.write_index(root, split, records[split])
        meta = self.meta()
        meta['sha256'] = digest_files(root, self._patterns())
        write_json(root / META_FILE, meta)

    def _run_task(self, root: Path, task: Tuple[str, int]) -> Dict:
        video = generate_video(self.cfg, *task)
        if self.with_flow:
            for run in self.image_runs(video):
                self._write_flow(root, task, run)
        return self.write_video(root, video)

    def _write_flow(self, root: Path, task: Tuple[str, int],
                    run: ImageRun) -> None:
        folder = str(root / FLOW_FOLDER)
        for i, (source, image) in enumerate(run):
            for distance in FLOW_DISTANCES:
                if 0 <= i + distance < len(run):
                    target, other = run[i + distance]
                    write_flow(
                        flow_path(folder, image, other),
                        *generate_flow(self.cfg, *task, source, target))

    @staticmethod
    def _collect(tasks, results, records, progress) -> None:
        for done, ((split, _), record) in enumerate(zip(tasks, results), 1):
            records[split].append(record)
            if progress is not None:
                progress(done, len(tasks))
