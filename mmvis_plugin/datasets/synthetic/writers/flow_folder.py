"""Exact flow beside the images of MovingShapes."""
import json
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from mmvis_plugin.structures import flow_path, write_flow
from ..generate import generate_flow, generate_video
from ..synth_cfg import GENERATOR_VERSION, SynthCfg
from ..synth_video import SynthVideo
from .common import META_FILE, RunTasks, digest_files, fresh_folder, write_json

FLOW_FOLDER = 'flow'
FLOW_DISTANCES = (1, -1, 2, -2)
"""From each image to the one that comes so many later in its folder."""

ImageRun = List[Tuple[int, str]]
"""Position of the frame and path of each image of a folder, in order."""

_PATTERN = '**/*.png'


def write_flow_folder(root: Path, cfg: SynthCfg,
                      image_runs: Callable[[SynthVideo], List[ImageRun]],
                      run_tasks: RunTasks) -> bool:
    """Write the flow between the images of a data set unless it is there.

    Its files lie where :func:`~mmvis_plugin.structures.flow_path` says, for
    pairs at the distances of ``FLOW_DISTANCES``; a folder with a
    ``meta.json`` is complete.

    Args:
        root (Path): Folder of the data set, which has its images.
        cfg (SynthCfg): What they were made from.
        image_runs (Callable): Method of the writer of the images.
        run_tasks (RunTasks): Runs a function on every video.

    Returns:
        bool: False if the same flow was there already.

    Raises:
        FileExistsError: If other files are there.
    """
    folder = root / FLOW_FOLDER
    meta: Dict = dict(
        distances=list(FLOW_DISTANCES),
        cfg=cfg.to_dict(),
        generator_version=GENERATOR_VERSION)
    if folder.exists():
        _check_same(folder, meta)
        return False
    with fresh_folder(folder) as draft:
        for _ in run_tasks(partial(_write_video_flow, draft, cfg, image_runs)):
            pass
        meta['sha256'] = digest_files(draft, [_PATTERN])
        write_json(draft / META_FILE, meta)
    return True


def _check_same(folder: Path, meta: Dict) -> None:
    meta_file = folder / META_FILE
    found = {}
    if meta_file.is_file():
        found = json.loads(meta_file.read_text(encoding='utf-8'))
    digests = found.pop('sha256', None)
    if found != meta or digests != digest_files(folder, [_PATTERN]):
        raise FileExistsError(
            f'{folder}: holds other flow than that of this data set; delete '
            'the folder and write it again')


def _write_video_flow(folder: Path, cfg: SynthCfg, image_runs: Callable,
                      task: Tuple[str, int]) -> None:
    video = generate_video(cfg, *task, with_images=False)
    for run in image_runs(video):
        for i, (source, image) in enumerate(run):
            for distance in FLOW_DISTANCES:
                if 0 <= i + distance < len(run):
                    target, other = run[i + distance]
                    write_flow(
                        flow_path(str(folder), image, other),
                        *generate_flow(cfg, *task, source, target))
