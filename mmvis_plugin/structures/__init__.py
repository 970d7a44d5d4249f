"""Data structures that outlive a frame."""
from .rle_tracks import RLE, RLETracks, as_rle, encode_masks, rle_areas

__all__ = ['RLE', 'RLETracks', 'as_rle', 'encode_masks', 'rle_areas']
