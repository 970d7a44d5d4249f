"""What happens to the tracks of a video: births, switches, misses, ..."""
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .mots_frame import MOTSFrame

NOBODY = -1
_FORBIDDEN = 1e5


class TrackRun(NamedTuple):
    """Frames in a row in which a track is in one state.

    Args:
        start (int): First frame.
        stop (int): First frame after it.
        state (str): Of an object: 'tracked', 'wrong_class' (tracked, with
            another label) or 'missed'. Of a prediction: 'tracked',
            'wrong_class', 'duplicate' (on an object that another prediction
            tracks), 'false' (on none), 'excused' (inside of an ignored
            region).
        partner (int): Id of the prediction on an object, or of the object of
            a prediction; -1 for none.
    """
    start: int
    stop: int
    state: str
    partner: int


class TrackEvent(NamedTuple):
    """Something that happens to an object or to a prediction.

    Args:
        kind (str): 'birth' (an object is tracked for the first time),
            'switch' (by another prediction than last time), 'fragment'
            (again, after frames in which it was missed), 'miss',
            'wrong_class', 'duplicate', 'stray' (a prediction that has an
            object at other times is on none) or 'false_track' (it never has
            one).
        start (int): First frame.
        stop (int): First frame after it.
        label (int): Class that the event counts for: of the object; of the
            prediction for the last three.
        object_id (int): The object, -1 if there is none.
        track_id (int): The prediction, -1 if there is none.
        previous_id (int): Prediction that tracked the object before, for
            'switch'; else -1.
    """
    kind: str
    start: int
    stop: int
    label: int
    object_id: int = NOBODY
    track_id: int = NOBODY
    previous_id: int = NOBODY


class TrackEvents(NamedTuple):
    """The events of a video and the states between them.

    Args:
        events (list[TrackEvent]): By first frame.
        objects (dict[int, list[TrackRun]]): Object id to its runs, in order;
            frames without the object are in none.
        tracks (dict[int, list[TrackRun]]): The same of predictions.
    """
    events: List[TrackEvent]
    objects: Dict[int, List[TrackRun]]
    tracks: Dict[int, List[TrackRun]]


class _State(NamedTuple):
    """One frame of an object or a prediction."""
    frame: int
    state: str
    partner: int
    label: int


_History = Dict[int, List[_State]]


def track_events(frames: Sequence[MOTSFrame],
                 iou_thr: float = 0.5) -> TrackEvents:
    """List what happens to the objects and predictions of a video.

    In each frame, as many objects and predictions as possible are paired
    one to one, of those that overlap enough. Where there is a choice, a
    prediction of the class of the object goes first, then the one that
    tracked the object last, then the larger IoU.

    Differs from MOTSA, which pairs class by class: a mask with a wrong label
    is one error here and not two. For videos of one class and masks that do
    not overlap, switches, fragments, frames of misses and frames of false
    masks are the IDSw, FM, FN and FP of :func:`mots`.

    Args:
        frames (Sequence[MOTSFrame]): Annotated frames of a video, in order.
            ``in_region`` excuses a prediction that is paired with no object.
        iou_thr (float): Least IoU of a pair, above 0. Defaults to 0.5.

    Raises:
        ValueError: If the threshold is not in (0, 1].
    """
    if not 0 < iou_thr <= 1:
        raise ValueError(f'iou_thr={iou_thr}, expected above 0 and at most 1')
    objects: _History = {}
    tracks: _History = {}
    last: Dict[int, int] = {}
    for t, frame in enumerate(frames):
        _add_frame(t, frame, iou_thr, last, objects, tracks)
    events = [
        event for key, history in objects.items()
        for event in _object_events(key, history)
    ] + [
        event for key, history in tracks.items()
        for event in _prediction_events(key, history)
    ]
    order = sorted(range(len(events)), key=lambda i: (events[i].start, i))
    return TrackEvents([events[i] for i in order],
                       {key: _runs(objects[key])
                        for key in sorted(objects)},
                       {key: _runs(tracks[key])
                        for key in sorted(tracks)})


def _add_frame(t: int, frame: MOTSFrame, iou_thr: float, last: Dict[int, int],
               objects: _History, tracks: _History) -> None:
    """Append a frame to the histories; note the partners of the objects."""
    rows = _pair(frame, iou_thr, last)
    gt_ids, pred_ids = frame.gt_ids.tolist(), frame.pred_ids.tolist()
    gt_labels = frame.gt_labels.tolist()
    found = {row: col for col, row in rows.items()}
    for row, (key, label) in enumerate(zip(gt_ids, gt_labels)):
        state = _State(t, 'missed', NOBODY, label)
        if row in found:
            last[key] = pred_ids[found[row]]
            same = frame.pred_labels[found[row]] == label
            state = _State(t, 'tracked' if same else 'wrong_class', last[key],
                           label)
        objects.setdefault(key, []).append(state)
    for col, key in enumerate(pred_ids):
        label = int(frame.pred_labels[col])
        state, row = _prediction_state(frame, col, rows.get(col), iou_thr)
        partner = NOBODY if row is None else gt_ids[row]
        tracks.setdefault(key, []).append(_State(t, state, partner, label))


def _pair(frame: MOTSFrame, iou_thr: float, last: Dict[int,
                                                       int]) -> Dict[int, int]:
    """Return prediction to object, as positions."""
    allowed = frame.ious >= iou_thr
    same_class = frame.gt_labels[:, None] == frame.pred_labels
    partners = [last.get(key, NOBODY) for key in frame.gt_ids.tolist()]
    kept = np.array(partners, dtype=np.int64)[:, None] == frame.pred_ids
    worth = 4 * same_class + 2 * kept + frame.ious
    rows, cols = linear_sum_assignment(
        np.where(allowed, 8 - worth, _FORBIDDEN))
    return {
        col: row
        for row, col in zip(rows.tolist(), cols.tolist()) if allowed[row, col]
    }


def _prediction_state(frame: MOTSFrame, col: int, row: Optional[int],
                      iou_thr: float) -> Tuple[str, Optional[int]]:
    """Return the state of a prediction and the row of its object."""
    if row is not None:
        same = frame.gt_labels[row] == frame.pred_labels[col]
        return 'tracked' if same else 'wrong_class', row
    if frame.in_region[col]:
        return 'excused', None
    ious = frame.ious[:, col]
    if len(ious) > 0 and ious.max() >= iou_thr:
        return 'duplicate', int(ious.argmax())
    return 'false', None


def _runs(history: List[_State]) -> List[TrackRun]:
    """Join frames in a row of one state and partner."""
    runs: List[TrackRun] = []
    for t, state, partner, _ in history:
        if runs and runs[-1][1:] == (t, state, partner):
            runs[-1] = runs[-1]._replace(stop=t + 1)
        else:
            runs.append(TrackRun(t, t + 1, state, partner))
    return runs


def _object_events(key: int, history: List[_State]) -> List[TrackEvent]:
    """List births, switches, fragments, misses and wrong classes."""
    events = []
    previous, was_missed = NOBODY, False
    for t, state, partner, label in history:
        if state == 'missed':
            was_missed = True
            continue
        happened = []
        if previous == NOBODY:
            happened.append('birth')
        else:
            happened += ['fragment'] * was_missed
            happened += ['switch'] * (partner != previous)
        for kind in happened:
            before = previous if kind == 'switch' else NOBODY
            events.append(
                TrackEvent(kind, t, t + 1, label, key, partner, before))
        previous, was_missed = partner, False
    labels = {state.frame: state.label for state in history}
    kinds = dict(missed='miss', wrong_class='wrong_class')
    return events + [
        TrackEvent(kinds[run.state], run.start, run.stop, labels[run.start],
                   key, run.partner)
        for run in _runs(history) if run.state in kinds
    ]


def _prediction_events(key: int, history: List[_State]) -> List[TrackEvent]:
    """List duplicates, and frames on no object."""
    has_object = any(s.state in ('tracked', 'wrong_class') for s in history)
    kinds = dict(
        duplicate='duplicate', false='stray' if has_object else 'false_track')
    labels = {state.frame: state.label for state in history}
    return [
        TrackEvent(kinds[run.state], run.start, run.stop, labels[run.start],
                   run.partner, key) for run in _runs(history)
        if run.state in kinds
    ]
