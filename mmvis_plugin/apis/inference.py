"""Load a model and run it on frames, without dataset and runner."""
from pathlib import Path
from typing import Optional, Union

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.registry import DATASETS, MODELS
from mmvis_plugin.utils.checkpoint import load_weights
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.video_reader import read_image
from .model_config import Model, model_source
from .video_stream import VideoStream


def init_video_model(config: Optional[Model],
                     checkpoint: Optional[str] = None,
                     device: Optional[str] = None,
                     cfg_options: Optional[dict] = None) -> OnlineVideoModel:
    """Build an online model for inference.

    Args:
        config (str | Path | dict | Config, optional): Config file or
            object, or the name of a model of the zoo. None takes the config
            that the checkpoint holds.
        checkpoint (str, optional): Weights. None takes those of the zoo if
            the model was named, else keeps random weights. Defaults to
            None.
        device (str, optional): Such as 'cuda:0' or 'cpu'; None picks a GPU
            if there is one. Defaults to None.
        cfg_options (dict, optional): Values that override the config, with
            dotted keys. Defaults to None.

    Returns:
        OnlineVideoModel: In evaluation mode, with the attributes ``cfg`` and
        ``dataset_meta``; ``dataset_meta['classes']`` are the names from the
        checkpoint, else from the config, else None.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        CheckpointError: If the checkpoint belongs to another model.
        ValueError: If the device is not here, the zoo has no such model, or
            the config describes no online model.
    """
    device = pick_device(device)
    cfg, checkpoint = model_source(config, checkpoint)
    if cfg_options:
        cfg.merge_from_dict(cfg_options)
    if 'model' not in cfg:
        raise ValueError(f"{cfg.filename or 'config'}: no 'model' in it, "
                         f'expected one among {sorted(cfg)[:8]}')
    init_default_scope(cfg.get('default_scope', 'mmvis_plugin'))
    model = MODELS.build(cfg.model)
    if not isinstance(model, OnlineVideoModel):
        raise ValueError(
            f'{cfg.filename or "config"}: model is a {type(model).__name__}, '
            'expected an online video model such as InsPro')
    meta = None
    if checkpoint is None:
        print_log('no checkpoint given: the weights are random', 'current')
    else:
        content = load_weights(model, str(checkpoint))
        _check_classifier(model, content['state_dict'], checkpoint)
        meta = content.get('meta', {}).get('dataset_meta')
    model.dataset_meta = _class_names(meta, cfg)
    model.cfg = cfg
    return model.to(device).eval()


def inference_frame(model: OnlineVideoModel,
                    img: Union[str, Path, np.ndarray],
                    frame_id: int,
                    video_len: Optional[int] = None) -> DetDataSample:
    """Run a model on the next frame of a video.

    The model carries the state of one video; frame 0 opens a new one. For
    several videos at a time use one :class:`VideoStream` each.

    Args:
        model (OnlineVideoModel): From :func:`init_video_model`.
        img (str | Path | np.ndarray): Image file, or ``(h, w, 3)`` uint8
            BGR.
        frame_id (int): 0-based position of the frame.
        video_len (int, optional): Length of the video where it is known; a
            stream has none. Defaults to None.

    Returns:
        DetDataSample: With ``pred_track_instances`` (``instances_id``,
        ``bboxes``, ``labels``, ``scores``, ``masks`` as COCO RLE) in pixels
        of ``img``, as known from the frames so far.

    Raises:
        ValueError: If frames are out of order.
    """
    stream = getattr(model, 'open_stream', None)
    if frame_id == 0:
        stream = model.open_stream = VideoStream(model, video_len)
    elif stream is None or frame_id != stream.num_frames:
        expected = 0 if stream is None else stream.num_frames
        raise ValueError(
            f'frame_id {frame_id}, expected {expected}: feed the frames of a '
            'video in order and start each video with frame_id 0')
    if isinstance(img, np.ndarray):
        return stream.step(img)
    return stream.step(read_image(img), str(img))


def pick_device(device: Optional[str] = None) -> torch.device:
    """Return a device that exists.

    Args:
        device (str, optional): None picks a GPU if there is one. Defaults
            to None.

    Returns:
        torch.device: The device.

    Raises:
        ValueError: If there is no such device.
    """
    if device is None:
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        found = torch.device(device)
    except RuntimeError:
        raise ValueError(f'device {device!r} is unknown, expected for '
                         "example 'cpu' or 'cuda:0'") from None
    if found.type == 'cuda' and (found.index
                                 or 0) >= torch.cuda.device_count():
        raise ValueError(
            f'device {device!r} is not here: {torch.cuda.device_count()} '
            "CUDA devices found; use 'cpu' or leave the device out")
    return found


def _check_classifier(model: OnlineVideoModel, state_dict: dict,
                      checkpoint: str) -> None:
    """Refuse weights of other classes, which training may start from."""
    for name, wanted in model.state_dict().items():
        found = state_dict.get(name, wanted)
        if found.shape != wanted.shape:
            raise CheckpointError(
                f'{checkpoint}: {name} has shape {tuple(found.shape)}, the '
                f'config expects {tuple(wanted.shape)}: it was trained on '
                'other classes; give the config it was trained with')


def _class_names(meta: Optional[dict], cfg: Config) -> dict:
    """Return metainfo with ``classes``, None if they are not known."""
    if meta and meta.get('classes'):
        return meta
    dataset = (cfg.get('test_dataloader') or {}).get('dataset')
    if dataset is not None:
        # lazy: the class list of a config without reading annotations
        meta = DATASETS.build({**dataset, 'lazy_init': True}).metainfo
        if meta.get('classes'):
            return meta
    return dict(classes=None)
