"""MovingShapes: exact synthetic videos, the default data."""
from .generate import generate_flow, generate_frame, generate_video
from .synth_cfg import PROFILES, SHAPES, STUFF, SynthCfg, get_cfg
from .synth_video import NUM_THINGS, SynthObject, SynthVideo

__all__ = [
    'NUM_THINGS', 'PROFILES', 'SHAPES', 'STUFF', 'SynthCfg', 'SynthObject',
    'SynthVideo', 'generate_flow', 'generate_frame', 'generate_video',
    'get_cfg'
]
