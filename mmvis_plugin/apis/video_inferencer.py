"""Everything from a video and the name of a model to results in files."""
import re
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from mmdet.structures import DetDataSample
from mmengine.config import Config

from mmvis_plugin.utils import model_names
from mmvis_plugin.utils.video_reader import Source, VideoReader
from mmvis_plugin.visualization import VideoVisualizer
from .frame_predictions import frame_predictions
from .inference import init_video_model
from .inference_run import InferenceRun, RunOptions
from .model_config import Model, model_source
from .outputs import OutputPlace, ResultWriter, check_kinds

DEFAULT_FPS = 10.
"""float: Frame rate of overlays of sources that state none."""


class VideoInferencer:
    """Run an online model on videos.

    Takes a video at a time: a file, a folder of images, a list of images or
    arrays, an iterator of arrays, a camera number or a URL. Arguments are
    called as those of ``DetInferencer`` of mmdet are.

    Args:
        model (str | Path | dict | Config, optional): Config file, config, or
            name of a model of the zoo, which brings its weights. None takes
            the config that the weights hold, or, without weights, a small
            model that comes with the package. Defaults to None.
        weights (str | Path, optional): Checkpoint. Defaults to None.
        device (str, optional): Such as 'cuda:0' or 'cpu'; None picks a GPU
            if there is one. Defaults to None.
        scope (str, optional): Scope of a config that names none. Defaults to
            'mmvis_plugin'.
        palette (str): Palette of mmdet for the classes of stuff, such as
            'coco'; 'none' takes that of the model. Tracks have colours of
            their own. Defaults to 'none'.
        show_progress (bool): Show the progress. Defaults to True.
        cfg_options (dict, optional): Values that override the config, with
            dotted keys. Defaults to None.

    Attributes:
        model (OnlineVideoModel): The model.
        visualizer (VideoVisualizer): Draws overlays; its options may be
            changed, or another one be put in its place.
        files (list[str]): What the last video left, once it has ended.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        CheckpointError: If the checkpoint belongs to another model.
        ValueError: If the device is not here, the zoo has no such model, or
            the config describes no online model.

    Examples:
        >>> inferencer = VideoInferencer('configs/a.py', 'a.pth')
        >>> inferencer('video.mp4', out_dir='out')['files']
        ['out/vis/video.mp4']
        >>> for result in inferencer(0, stream=True, return_vis=True):
        ...     show(result['visualization'])
    """

    def __init__(self,
                 model: Optional[Model] = None,
                 weights: Optional[Union[str, Path]] = None,
                 device: Optional[str] = None,
                 scope: Optional[str] = 'mmvis_plugin',
                 palette: str = 'none',
                 show_progress: bool = True,
                 cfg_options: Optional[dict] = None) -> None:
        cfg, weights = model_source(model, weights)
        if scope is not None and cfg.get('default_scope') is None:
            cfg.default_scope = scope
        self.model = init_video_model(cfg, weights, device, cfg_options)
        if palette != 'none':
            self.model.dataset_meta = dict(
                self.model.dataset_meta, palette=palette)
        self.show_progress = show_progress
        self.files: List[str] = []
        self.visualizer = _visualizer(self.model.cfg)
        self.visualizer.dataset_meta = self.model.dataset_meta

    def __call__(
        self,
        inputs: Union[Source, VideoReader],
        return_vis: bool = False,
        show: bool = False,
        wait_time: float = 0,
        no_save_vis: bool = False,
        draw_pred: bool = True,
        pred_score_thr: float = 0.3,
        return_datasamples: bool = False,
        print_result: bool = False,
        no_save_pred: bool = True,
        out_dir: Union[str, Path] = '',
        *,
        outputs: Optional[Sequence[Union[str, ResultWriter]]] = None,
        stream: bool = False,
        online: Optional[bool] = None,
        clip_len: int = 1,
        fps: Optional[float] = None,
        max_frames: Optional[int] = None,
        video_name: Optional[str] = None
    ) -> Union[Dict[str, Any], Iterator[Dict[str, Any]]]:
        """Run the model on a video.

        Results of the whole video (``online=False``) are those of
        ``tools/test.py``: what a model says of a track takes all frames into
        account, and an offline model refines its masks. What the model keeps
        for them grows with the video. Results of the frames so far
        (``online=True``) need constant memory; an offline model then gives
        what its tracker says.

        Args:
            inputs (str | Path | int | Iterable | VideoReader): See
                :class:`VideoReader`; arrays are ``(h, w, 3)`` uint8 BGR.
            return_vis (bool): Return overlays too. Defaults to False.
            show (bool): Show overlays in a window. Defaults to False.
            wait_time (float): Seconds a shown frame stays at least. Defaults
                to 0.
            no_save_vis (bool): Write no overlay. Defaults to False.
            draw_pred (bool): Draw results into overlays. Defaults to True.
            pred_score_thr (float): Least score of what is drawn, and of
                tracks in the outputs 'ids', 'mots' and 'mot'. Defaults to
                0.3.
            return_datasamples (bool): Return ``DetDataSample`` instead of
                plain values. Defaults to False.
            print_result (bool): Print the results. Defaults to False.
            no_save_pred (bool): Write no results but those that ``outputs``
                names. Else that kind is written that fits the model:
                'panoptic', 'youtube_vis' or, of boxes, 'mot'. Defaults to
                True.
            out_dir (str | Path): Folder of all outputs: ``vis`` and
                ``preds`` below it. '' writes nothing. Defaults to ''.
            outputs (Sequence, optional): Exactly these outputs: 'video',
                'frames', 'ids', 'youtube_vis', 'mots', 'mot', 'panoptic', or
                writers of your own. Defaults to None.
            stream (bool): Return a generator that holds one frame (or
                ``clip_len``) at a time. Outputs are complete when it ends or
                is closed. Defaults to False.
            online (bool, optional): Results from the frames so far. None
                stands for the value of ``stream``. Defaults to None.
            clip_len (int): Frames that are read and encoded at once; no
                result depends on it. Defaults to 1.
            fps (float, optional): Frame rate of the overlay; None is that of
                the input, or 10. Defaults to None.
            max_frames (int, optional): Stop after so many frames. Defaults
                to None.
            video_name (str, optional): Name of the outputs; None is that of
                the input. Defaults to None.

        Returns:
            dict or Iterator[dict]: ``predictions`` (of each frame what
            :func:`frame_predictions` returns, or its ``DetDataSample``),
            ``visualization`` (overlays ``(h, w, 3)`` uint8 RGB, or an empty
            list) and ``files``. With ``stream``, a dict per frame with its
            own ``predictions`` and ``visualization`` (or None).

        Raises:
            FileNotFoundError: If there is no such input.
            AnnotationError: If the input is broken.
            ValueError: If options do not go together, or an output does not
                fit the model.
        """
        reader = inputs if isinstance(inputs, VideoReader) else VideoReader(
            inputs, max_frames)
        online = stream if online is None else online
        outputs = _checked(outputs, str(out_dir), clip_len)
        if reader.is_endless and not (stream and online):
            raise ValueError(f'{reader.name} never ends: give max_frames, or '
                             'stream=True for results frame by frame')
        place = OutputPlace(
            str(out_dir), video_name or _safe(reader.name), fps or reader.fps
            or DEFAULT_FPS, self.model.dataset_meta)
        run = InferenceRun(
            self.model, reader, self.visualizer,
            RunOptions(
                online=online,
                clip_len=clip_len,
                with_frames=return_vis,
                draw_pred=draw_pred,
                score_thr=pred_score_thr,
                show=show,
                wait_time=wait_time,
                with_vis=not (no_save_vis or not place.out_dir),
                with_pred=not (no_save_pred or not place.out_dir),
                outputs=outputs,
                place=place,
                progress=self.show_progress))
        results = self._results(run, return_vis, return_datasamples,
                                print_result)
        return results if stream else self._collected(results)

    def _results(self, run: InferenceRun, return_vis: bool,
                 return_datasamples: bool,
                 print_result: bool) -> Iterator[Dict[str, Any]]:
        """Yield what the caller gets of each frame."""
        classes = (self.model.dataset_meta or {}).get('classes')
        num_classes = None if classes is None else len(classes)
        with closing(run.views()) as views:
            for view in views:
                found: Union[dict, DetDataSample] = view.sample
                if not return_datasamples:
                    found = frame_predictions(view.sample, num_classes)
                if print_result:
                    print(found)
                yield dict(
                    predictions=found,
                    visualization=view.overlay if return_vis else None)
                # not to be held while the next frame is made
                del view, found
        self.files = run.files

    def _collected(self, results: Iterator[Dict[str, Any]]) -> Dict[str, Any]:
        predictions, visualization = [], []
        for result in results:
            predictions.append(result['predictions'])
            if result['visualization'] is not None:
                visualization.append(result['visualization'])
        return dict(
            predictions=predictions,
            visualization=visualization,
            files=self.files)

    @staticmethod
    def list_models(pattern: str = '') -> list:
        """Return the names of the models of the zoo.

        Args:
            pattern (str): Part of a name or alias. Defaults to '', which all
                have.

        Returns:
            list[str]: What ``model`` may be.
        """
        return [entry.name for entry in model_names.list_models(pattern)]


def _checked(outputs: Optional[Sequence[Union[str,
                                              ResultWriter]]], out_dir: str,
             clip_len: int) -> Optional[List[Union[str, ResultWriter]]]:
    """Refuse options that no run could serve."""
    if clip_len < 1:
        raise ValueError(f'clip_len must be >= 1, got {clip_len}')
    if outputs is None:
        return None
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    kinds = [kind for kind in outputs if isinstance(kind, str)]
    check_kinds(kinds)
    if kinds and not out_dir:
        raise ValueError(f'outputs {kinds} without out_dir, expected the '
                         'folder that they go to')
    return outputs


def _safe(name: str) -> str:
    """Return a name that leads to no other folder."""
    return re.sub(r'[^\w.-]+', '_', name).strip('.') or 'video'


def _visualizer(cfg: Config) -> VideoVisualizer:
    """Return the visualizer of a config if it can draw tracks."""
    options = dict(cfg.get('visualizer') or {})
    if options.pop('type', None) not in ('VideoVisualizer',
                                         'mmvis_plugin.VideoVisualizer'):
        options = {}
    options.update(name='video_inferencer', vis_backends=None)
    # built through the registry it would be that of other inferencers, too
    return VideoVisualizer(**options)
