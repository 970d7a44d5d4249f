"""Whether the parts of HybridTracker suffice for what it is asked."""
from typing import Any, Dict, Sequence

STAGES = ('instance', 'fusion')
TRAIN_SOURCES = ('gt', 'pred')


def check_options(stage: str, train_source: str) -> None:
    """Raise for options that do not exist.

    Args:
        stage (str): One of ``STAGES``.
        train_source (str): One of ``TRAIN_SOURCES``.
    """
    for name, value, known in (('stage', stage, STAGES),
                               ('train_source', train_source, TRAIN_SOURCES)):
        if value not in known:
            raise ValueError(f'{name}={value!r} of HybridTracker, expected '
                             f'one of {known}')


def check_training(stage: str, train_source: str, parts: Dict[str, Any],
                   num_frames: int) -> None:
    """Raise if a stage cannot be trained.

    Args:
        stage (str): One of ``STAGES``.
        train_source (str): One of ``TRAIN_SOURCES``.
        parts (dict): ``segmentor``, ``instance_head``, ``flow`` and
            ``fusion``, None for those that are left out.
        num_frames (int): Frames of a clip.
    """
    needed = ['instance_head']
    if stage == 'fusion':
        needed.append('flow')
    if train_source == 'pred':
        needed.append('segmentor')
    absent = [name for name in needed if parts[name] is None]
    if absent or num_frames < 2:
        raise ValueError(
            f'stage={stage!r} of HybridTracker with train_source='
            f'{train_source!r}, without {absent} and on clips of {num_frames} '
            f'frames; expected {needed} and clips of two frames or more')
    if stage == 'fusion' and parts['fusion'].fixed:
        raise ValueError("stage='fusion' of HybridTracker with fusion.fixed="
                         'True, expected weights that can be trained; set it '
                         'to False')


def check_prediction(parts: Dict[str, Any], weights: Sequence[float]) -> None:
    """Raise if frames cannot be predicted.

    Args:
        parts (dict): As for :func:`check_training`.
        weights (Sequence[float]): Of the instance and the pixel tracker.
    """
    if parts['segmentor'] is None:
        raise ValueError('segmentor=None of HybridTracker, expected the '
                         'config of a panoptic segmenter to predict with')
    for name, weight in zip(('instance_head', 'flow'), weights):
        if parts[name] is None and weight != 0:
            raise ValueError(
                f'{name}=None of HybridTracker, but fusion gives it the '
                f'weight {weight:.3g}, expected 0; set fusion=dict('
                'weights=(1, 0), fixed=True) without flow, (0, 1) without '
                'instance_head')
