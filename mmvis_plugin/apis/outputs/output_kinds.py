"""The kinds of outputs by their names."""
import os.path as osp
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional

from mmdet.structures import DetDataSample

from mmvis_plugin.visualization import FrameFolder, VideoSink
from .id_pictures import IdPictures
from .overlay_writer import OverlayWriter
from .panoptic_pictures import PanopticPictures
from .result_writer import ResultWriter, result_kind
from .track_text import MOTSText, MOTText
from .youtube_vis_file import YouTubeVISFile

VIS_FOLDER, PRED_FOLDER = 'vis', 'preds'


@dataclass(frozen=True)
class OutputPlace:
    """Where the outputs of a video go.

    Attributes:
        out_dir (str): Folder of all videos.
        name (str): The video.
        fps (float): Frame rate of its overlay.
        meta (dict, optional): Metainfo of the model.
    """
    out_dir: str
    name: str
    fps: float
    meta: Optional[dict]

    def vis(self, ending: str = '') -> str:
        """Return the place of an output to be looked at.

        Args:
            ending (str): End of its name. Defaults to ''.
        """
        return osp.join(self.out_dir, VIS_FOLDER, self.name + ending)

    def pred(self, ending: str) -> str:
        """Return the place of an output for programs.

        Args:
            ending (str): End of its name.
        """
        return osp.join(self.out_dir, PRED_FOLDER, self.name + ending)


OUTPUT_KINDS: Dict[str, Callable[[OutputPlace], ResultWriter]] = dict(
    video=lambda at: OverlayWriter(VideoSink(at.vis('.mp4'), at.fps)),
    frames=lambda at: OverlayWriter(FrameFolder(at.vis())),
    ids=lambda at: IdPictures(at.pred('_ids'), (at.meta or {}).get('classes')),
    youtube_vis=lambda at: YouTubeVISFile(
        at.pred('_youtube_vis.json'), at.meta),
    mots=lambda at: MOTSText(at.pred('_mots.txt'), at.meta),
    mot=lambda at: MOTText(at.pred('_mot.txt')),
    panoptic=lambda at: PanopticPictures(at.pred('_panoptic'), at.meta))
"""dict: Name of each kind to what opens it."""

_USUAL = dict(maps='panoptic', masks='youtube_vis', boxes='mot')


def check_kinds(kinds: List[str]) -> None:
    """Refuse names of no kind.

    Args:
        kinds (list[str]): Names.

    Raises:
        ValueError: If one is none of ``OUTPUT_KINDS``.
    """
    for kind in kinds:
        if kind not in OUTPUT_KINDS:
            raise ValueError(f'output {kind!r} is unknown, expected some of '
                             f'{list(OUTPUT_KINDS)}')


def usual_kinds(sample: DetDataSample, with_vis: bool,
                with_pred: bool) -> List[str]:
    """Return the kinds that fit a model.

    Args:
        sample (DetDataSample): Any frame with its result.
        with_vis (bool): Also the overlay.
        with_pred (bool): Also the results.
    """
    kinds = ['video'] if with_vis else []
    return kinds + ([_USUAL[result_kind(sample)]] if with_pred else [])
