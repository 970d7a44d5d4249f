"""What happens to a batch of clips before a model sees it."""
from .video_data_preprocessor import VideoDataPreprocessor

__all__ = ['VideoDataPreprocessor']
