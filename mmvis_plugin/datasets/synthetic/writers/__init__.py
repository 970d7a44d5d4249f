"""Writers of MovingShapes, one per benchmark format."""
from .youtube_vis import YouTubeVISWriter, write_youtube_vis

WRITERS = {writer.format_name: writer for writer in (YouTubeVISWriter, )}

__all__ = ['WRITERS', 'YouTubeVISWriter', 'write_youtube_vis']
