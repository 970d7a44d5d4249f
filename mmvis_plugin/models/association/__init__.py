"""Deciding which object of this frame is which object of the past."""
from .duplicate_removal import find_duplicates
from .match_scores import match_scores
from .serial_choice import serial_choice

__all__ = ['find_duplicates', 'match_scores', 'serial_choice']
