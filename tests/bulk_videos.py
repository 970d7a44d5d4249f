"""Many short videos, some of them broken, and a model for them."""
import os
from pathlib import Path
from typing import Dict, Iterator, List

import cv2
import torch

from .spot_tracker import spot_frame, write_config

SIZE, FRAMES = (60, 80), 3
BROKEN = {
    'v04.mp4': 'v04.mp4: cannot be opened as a video',
    'v07/1.png': '1.png: cannot be decoded',
    'v11.avi': 'v11.avi: cannot be opened as a video'
}


def write_videos(folder: Path, count: int) -> None:
    """Write ``count`` videos ``v00``, ``v01``, ...; those of ``BROKEN`` are.

    Args:
        folder (Path): Their place.
        count (int): At least 12.
    """
    for number in range(count):
        name = f'v{number:02d}'
        if any(path.startswith(f'{name}.') for path in BROKEN):
            continue
        (folder / name).mkdir(parents=True)
        for t in range(FRAMES):
            # no two videos alike
            frame = spot_frame((number + 2 * t) % 10, SIZE)
            frame[0, :number + 1] = 255
            cv2.imwrite(str(folder / name / f'{t}.png'), frame)
    for path in BROKEN:
        (folder / path).write_bytes(b'' if path.endswith('.avi') else b'junk')


def write_model(folder: Path) -> List[str]:
    """Write a config and weights; return their names."""
    config = write_config(folder)
    with open(config, 'a') as file:
        # for processes that do not come from a test
        file.write("custom_imports = dict(imports=['tests.spot_tracker'])\n")
    weights = str(folder / 'spots.pth')
    torch.save(dict(state_dict=dict(bias=torch.zeros(3))), weights)
    return [config, weights]


def outputs_of(folder: Path) -> Dict[str, bytes]:
    """Return the contents of all outputs by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for kind in ('vis', 'preds')
        for path in (folder / kind).rglob('*') if path.is_file()
    }


def state_files(folder: Path, kind: str) -> Iterator[Path]:
    """Return what lies in a folder of the state of a run."""
    place = folder / '.bulk' / kind
    return sorted(place.iterdir()) if os.path.isdir(place) else []
