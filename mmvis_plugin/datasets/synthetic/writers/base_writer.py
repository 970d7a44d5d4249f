"""Common course of all writers: fresh folder, videos, index files."""
import json
from abc import ABCMeta, abstractmethod
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ..generate import generate_video
from ..synth_cfg import GENERATOR_VERSION, SPLITS, SynthCfg
from ..synth_video import SynthVideo
from .common import META_FILE, digest_files, fresh_folder, write_json
from .flow_folder import ImageRun, write_flow_folder

Progress = Optional[Callable[[int, int], None]]


class BaseWriter(metaclass=ABCMeta):
    """Write MovingShapes in the format of one benchmark.

    All files are made in a folder beside the target, which gets its name
    with the last step: a folder with a ``meta.json`` is complete.

    Args:
        cfg (SynthCfg): What to generate.
    """

    format_name = ''
    label_patterns: Tuple[str, ...] = ()

    def __init__(self, cfg: SynthCfg) -> None:
        self.cfg = cfg

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
        return dict(
            format=self.format_name,
            profile=self.cfg.profile,
            seed=self.cfg.seed,
            cfg=self.cfg.to_dict(),
            generator_version=GENERATOR_VERSION)

    def write(self,
              root: str,
              jobs: int = 1,
              progress: Progress = None,
              with_flow: bool = False) -> bool:
        """Write the data set unless it is there already.

        Args:
            root (str): Target folder.
            jobs (int): Number of processes; the files do not depend on it.
                Defaults to 1.
            progress (Callable, optional): Called with the number of
                finished videos and of all videos.
            with_flow (bool): Whether to write the exact flow as well, see
                :func:`write_flow_folder`; a data set that is there already
                gets it. Defaults to False.

        Returns:
            bool: False if all of it was there already.

        Raises:
            FileExistsError: If the folder holds anything else.
        """
        root = Path(root)
        run_tasks = partial(self._run_tasks, jobs, progress)
        written = not self._is_there(root)
        if written:
            with fresh_folder(root) as draft:
                self._fill(draft, run_tasks)
        if with_flow:
            written |= write_flow_folder(root, self.cfg, self.image_runs,
                                         run_tasks)
        return written

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
        if digests != digest_files(root, self.label_patterns):
            raise FileExistsError(
                f'{root}: label files differ from {META_FILE}; delete the '
                'folder and write it again')
        return True

    def _fill(self, root: Path, run_tasks: Callable) -> None:
        records: Dict[str, List[Dict]] = {split: [] for split in SPLITS}
        for (split, _), record in run_tasks(partial(self._run_task, root)):
            records[split].append(record)
        for split in SPLITS:
            self.write_index(root, split, records[split])
        meta = self.meta()
        meta['sha256'] = digest_files(root, self.label_patterns)
        write_json(root / META_FILE, meta)

    def _run_task(self, root: Path, task: Tuple[str, int]) -> Dict:
        return self.write_video(root, generate_video(self.cfg, *task))

    def _run_tasks(self, jobs: int, progress: Progress,
                   work: Callable) -> Iterator[Tuple[Tuple[str, int], Any]]:
        """Yield split and index of each video and what ``work`` returns."""
        tasks = [(split, index) for split in SPLITS
                 for index in range(self.cfg.num_videos(split))]
        with ExitStack() as stack:
            run = map
            if jobs > 1:
                run = stack.enter_context(ProcessPoolExecutor(jobs)).map
            for done, pair in enumerate(zip(tasks, run(work, tasks)), 1):
                yield pair
                if progress is not None:
                    progress(done, len(tasks))
