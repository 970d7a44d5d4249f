"""Writers of MovingShapes, one per benchmark format."""
from .bdd_mots import BDDMOTSWriter, write_bdd_mots
from .cityscapes_vps import CityscapesVPSWriter, write_cityscapes_vps
from .vipseg import VIPSegWriter, write_vipseg
from .youtube_vis import YouTubeVISWriter, write_youtube_vis

WRITERS = {
    writer.format_name: writer
    for writer in (YouTubeVISWriter, BDDMOTSWriter, CityscapesVPSWriter,
                   VIPSegWriter)
}

__all__ = [
    'BDDMOTSWriter', 'CityscapesVPSWriter', 'VIPSegWriter', 'WRITERS',
    'YouTubeVISWriter', 'write_bdd_mots', 'write_cityscapes_vps',
    'write_vipseg', 'write_youtube_vis'
]
