"""Association alone, on what a network has found before.

A system is watched while it runs: what reaches its association is written
down for each frame. Its association is then run on these notes, with other
options, without the network.
"""
import inspect
from abc import ABC, abstractmethod
from dataclasses import fields, replace
from typing import (Any, Callable, Dict, Iterator, List, Sequence, Tuple, Type,
                    Union)

import torch
# not in the structures of the official mmdet
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from stopwatch import wrap
from torch import Tensor, nn

from mmvis_plugin.models.association import instance_similarity
from mmvis_plugin.models.hybrid_tracker import (FrameRecord, HybridState,
                                                HybridTracker, TrackOptions)
from mmvis_plugin.models.hybrid_tracker.segmented_frame import SegmentedFrame
from mmvis_plugin.models.pcan import PCAN, PCANTracker, TrackerState
from mmvis_plugin.models.pcan.pcan_roi_head import class_logits
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.cli import UsageError

# the others need masks or flow
PCAN_OPTIONS = tuple(f'tracker.{name}'
                     for name in inspect.signature(PCANTracker).parameters
                     if name not in ('memory_mask', 'proto_momentum'))
HYBRID_OPTIONS = tuple(f'test_cfg.{field.name}'
                       for field in fields(TrackOptions) if field.name not in
                       ('min_area', 'rounding', 'collision')) + (
                           'fusion.weights', 'fusion.class_aware',
                           'loss_match.temperature', 'loss_match.dustbin')


class Replay(ABC):
    """Association of one system.

    Args:
        model (ConfigDict): Config of the model.
        learned (dict): Of :meth:`learned`.

    Attributes:
        options (tuple[str]): Keys of the config, below ``model``, that the
            association alone depends on.
    """
    options: Sequence[str] = ()

    @staticmethod
    def learned(model: nn.Module) -> dict:
        """Return the weights of the association, if it has any."""
        return {}

    @staticmethod
    def complete(point: dict) -> dict:
        """Return options with what they need to take effect.

        Args:
            point (dict): Options by their keys.
        """
        return point

    @staticmethod
    def dump_options(grid: Dict[str, list]) -> dict:
        """Return the options under which all of a grid can be run.

        Args:
            grid (dict[str, list]): Values by the keys of options.
        """
        return {}

    @staticmethod
    @abstractmethod
    def watch(model: nn.Module) -> Callable[[dict], dict]:
        """Let a model take notes.

        Args:
            model (nn.Module): Its methods are replaced.

        Returns:
            Callable: Called after each frame with its metainfo, returns what
            the association needs of it: tensors and what JSON has.
        """

    @abstractmethod
    def run(self, frames: Sequence[dict]) -> Iterator[dict]:
        """Link the frames of a video.

        Args:
            frames (Sequence[dict]): Notes of each frame.

        Yields:
            dict: What is predicted for the frame.
        """


class PCANReplay(Replay):
    """Association of PCAN and of QDTrack.

    Identities are those of a test. Masks are those of the mask head: the
    refine head would need the features of all objects.
    """
    options = PCAN_OPTIONS

    def __init__(self, model: ConfigDict, learned: dict) -> None:
        # neither of the two has to do with identities
        self.tracker = MODELS.build(
            dict(model.tracker, memory_mask='base', proto_momentum=None))

    @staticmethod
    def watch(model: PCAN) -> Callable[[dict], dict]:
        """See the base class."""
        seen: List[InstanceData] = []

        def noted(method: Callable) -> Callable:

            def match(detections: InstanceData, state: TrackerState) -> tuple:
                seen.append(detections)
                return method(detections, state)

            return match

        wrap(model, 'tracker.match', noted)

        def notes(metainfo: dict) -> dict:
            if not seen:  # without detections the tracker is not asked
                return dict(scores=torch.zeros(0))
            found = seen.pop()
            shown = model._at_original_size(
                found, class_logits(found.mask_logits, found.labels), metainfo)
            record = {
                key: found[key].cpu()
                for key in ('bboxes', 'scores', 'labels', 'embeds')
            }
            record['ori_bboxes'] = shown.bboxes
            if 'masks' in shown:
                record['masks'] = [
                    dict(
                        size=list(rle['size']), counts=as_text(rle['counts']))
                    for rle in shown.masks
                ]
            return record

        return notes

    def run(self, frames: Sequence[dict]) -> Iterator[dict]:
        """See the base class."""
        state = TrackerState()
        for index, frame in enumerate(frames):
            num = len(frame['scores'])
            if num == 0:
                yield dict(
                    instances_id=torch.zeros(0, dtype=torch.long),
                    bboxes=torch.zeros(0, 4),
                    labels=torch.zeros(0, dtype=torch.long),
                    scores=torch.zeros(0),
                    masks=[])
                continue
            found = InstanceData(
                **{
                    key: frame[key]
                    for key in ('bboxes', 'scores', 'labels', 'embeds')
                },
                mask_feats=torch.zeros(num, 0),
                mask_logits=torch.zeros(num, 1, 0, 0))
            objects, state = self.tracker.match(found, state)
            state = self.tracker.update(objects, index, state)
            known = objects.instances_id > 0
            rows = objects.det_inds[known]
            result = dict(
                instances_id=objects.instances_id[known],
                bboxes=frame['ori_bboxes'][rows],
                labels=frame['labels'][rows],
                scores=frame['scores'][rows])
            if 'masks' in frame:
                result['masks'] = [frame['masks'][row] for row in rows]
            yield result


class HybridReplay(Replay):
    """Association of HybridTracker.

    Overlaps of moved masks are noted for every pair of frames that
    ``test_cfg.memory_frames`` allows, both ways, whether a test would compute
    them or not.
    """
    options = HYBRID_OPTIONS

    def __init__(self, model: ConfigDict, learned: dict) -> None:
        self.model = HybridTracker(
            fusion=model.get('fusion'),
            loss_match=model.get('loss_match'),
            test_cfg=model.get('test_cfg')).eval()
        self.model.fusion.load_state_dict(learned)
        # the part of the model that needs the network
        self.model._similarities = self._similarities

    @staticmethod
    def learned(model: HybridTracker) -> dict:
        """Return the weights of the fusion."""
        return {k: v.cpu() for k, v in model.fusion.state_dict().items()}

    @staticmethod
    def complete(point: dict) -> dict:
        """Let weights of the fusion win over those of a checkpoint."""
        if 'fusion.weights' in point:
            return {**point, 'fusion.fixed': True}
        return point

    @staticmethod
    def dump_options(grid: Dict[str, list]) -> dict:
        """Return the longest memory of the grid."""
        key = 'test_cfg.memory_frames'
        return {key: max(grid[key])} if key in grid else {}

    @staticmethod
    def watch(model: HybridTracker) -> Callable[[dict], dict]:
        """See the base class."""
        seen: Dict[str, Any] = {}

        def segmented(method: Callable) -> Callable:

            def segment(*args) -> SegmentedFrame:
                seen['found'] = method(*args)
                return seen['found']

            return segment

        def assigned(method: Callable) -> Callable:

            def assign(record: FrameRecord, state: HybridState,
                       name: str) -> Any:
                seen.update(record=record, memory=state.memory, name=name)
                return method(record, state, name)

            return assign

        wrap(model, '_segment', segmented)
        wrap(model, '_assign', assigned)

        def overlaps(src: FrameRecord, dst: FrameRecord) -> Tensor:
            return model._similarities(src, dst, seen['name'])[1].cpu()

        def notes(metainfo: dict) -> dict:
            record, memory = seen['record'], seen['memory']
            numbers = torch.arange(len(record.labels)) + 1
            runs = seen['found'].with_ids(
                numbers).flatten().unique_consecutive(return_counts=True)
            embeds = record.embeds
            return dict(
                labels=record.labels.cpu(),
                embeds=None if embeds is None else embeds.cpu(),
                # to this frame, then from it, the last frame first
                forward=[overlaps(old, record) for old in memory[::-1]],
                backward=[overlaps(record, old) for old in memory[::-1]],
                # they lie in storage of the size of the map
                values=runs[0].cpu().clone(),
                lengths=runs[1].cpu().clone())

        return notes

    def _similarities(self, src: FrameRecord, dst: FrameRecord,
                      name: str) -> Tuple[Tensor, Tensor]:
        """Do what the model does, with overlaps that are known."""
        (first, notes), (second, later) = src.flow_feats, dst.flow_feats
        inst_sim = torch.zeros(len(src.labels), len(dst.labels))
        if src.embeds is not None and inst_sim.numel() > 0:
            loss = self.model.loss_match
            inst_sim = instance_similarity(src.embeds, dst.embeds,
                                           loss.temperature, loss.dustbin)
        age = abs(second - first) - 1
        pix_sim = later['forward'][age] if first < second \
            else notes['backward'][age]
        return inst_sim, pix_sim

    @torch.no_grad()
    def run(self, frames: Sequence[dict]) -> Iterator[dict]:
        """See the base class."""
        state, kept = HybridState(), self.model.options.memory_frames
        for index, frame in enumerate(frames):
            record = FrameRecord(
                frame['values'],
                frame['labels'],
                frame['embeds'],
                flow_feats=(index, frame))
            found = self.model._assign(record, state, f'frame {index}')
            memory = (*state.memory, replace(record, ids=found.ids))
            state = HybridState(memory[-kept:], found.next_id)
            ids = torch.cat([found.ids.new_zeros(1), found.ids])
            values = frame['values']
            values = values % INSTANCE_OFFSET + INSTANCE_OFFSET * ids[
                values // INSTANCE_OFFSET]
            codes = values.repeat_interleave(frame['lengths'])
            yield dict(
                pred_panoptic_seg=dict(
                    sem_seg=codes.view(1, *frame['ori_shape'])))


REPLAYS = {PCAN: PCANReplay, HybridTracker: HybridReplay}


def replay_of(name: str) -> Type[Replay]:
    """Return how the association of a model is run alone.

    Args:
        name (str): Type of the model.

    Raises:
        UsageError: If it has nothing to search.
    """
    for kind, replay in REPLAYS.items():
        if issubclass(MODELS.get(name) or object, kind):
            return replay
    names = ', '.join(kind.__name__ for kind in REPLAYS)
    raise UsageError(
        f'{name} has no tracker with options that could be searched; '
        f'expected one of {names}')


def as_text(counts: Union[str, bytes]) -> str:
    """Return the counts of a run-length code as text."""
    return counts.decode() if isinstance(counts, bytes) else counts
