"""Data structures that outlive a frame, and their files."""
from .bdd100k_bitmask import (BitmaskObject, bitmask_objects, decode_bitmask,
                              encode_bitmask, read_bitmask, write_bitmask)
from .flow_map import flow_path, read_flow, write_flow
from .index_map import encode_index_map
from .paint_masks import paint_masks
from .panoptic_map import (decode_panoptic_map, encode_panoptic_map,
                           read_panoptic_map, write_panoptic_map)
from .panoptic_segments import PanopticSegments
from .rle_tracks import (RLE, RLETracks, as_rle, encode_crop, encode_masks,
                         rle_areas)
from .segment_records import counted_things

__all__ = [
    'BitmaskObject', 'bitmask_objects', 'decode_bitmask', 'encode_bitmask',
    'encode_crop', 'encode_index_map', 'read_bitmask', 'write_bitmask',
    'PanopticSegments', 'RLE', 'RLETracks', 'as_rle', 'counted_things',
    'decode_panoptic_map', 'encode_masks', 'encode_panoptic_map', 'flow_path',
    'paint_masks', 'read_flow', 'read_panoptic_map', 'rle_areas', 'write_flow',
    'write_panoptic_map'
]
