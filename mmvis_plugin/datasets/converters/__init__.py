"""From the files of a download to what the data sets read."""
from .bdd100k import BDD100K_FORMS, BDD100K_SPLITS, convert_bdd100k
from .cityscapes_frames import link_cityscapes_frames
from .cityscapes_vps import convert_cityscapes_vps
from .imagenet_vid import IMAGENET_SPLITS, convert_imagenet
from .viper import convert_viper
from .vipseg import convert_vipseg

__all__ = [
    'BDD100K_FORMS', 'BDD100K_SPLITS', 'convert_bdd100k', 'IMAGENET_SPLITS',
    'convert_cityscapes_vps', 'convert_imagenet', 'convert_viper',
    'convert_vipseg', 'link_cityscapes_frames'
]
