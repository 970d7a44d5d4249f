"""Inference without dataset and runner."""
from .inference import inference_frame, init_video_model, pick_device
from .video_inferencer import VideoInferencer
from .video_stream import VideoStream

__all__ = [
    'VideoInferencer', 'VideoStream', 'inference_frame', 'init_video_model',
    'pick_device'
]
