"""Inference without dataset and runner."""
from .inference import inference_frame, init_video_model, pick_device
from .video_stream import VideoStream

__all__ = ['VideoStream', 'inference_frame', 'init_video_model', 'pick_device']
