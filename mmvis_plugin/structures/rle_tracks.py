"""Masks of the tracks of one video, kept as COCO run-length codes."""
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from pycocotools import mask as mask_utils

RLE = Dict[str, Any]


def encode_masks(masks: Union[torch.Tensor, np.ndarray]) -> List[RLE]:
    """Encode binary masks as COCO run-length codes in one call.

    Args:
        masks (Tensor or np.ndarray): Masks; non-zero is foreground. A
            tensor is transposed on its own device and copied to the host
            once.

    Shape:
        - masks: ``(N, H, W)``.

    Returns:
        list[dict]: N codes ``{'size': [H, W], 'counts': bytes}``.
    """
    if masks.ndim != 3:
        raise ValueError('encode_masks expects masks of shape (N, H, W), got '
                         f'{tuple(masks.shape)}')
    if len(masks) == 0:
        return []
    # pycocotools reads column-major (H, W, N), which is the memory of a
    # C-ordered (N, W, H)
    if isinstance(masks, torch.Tensor):
        binary = (masks.detach() != 0).to(torch.uint8)
        columns = binary.transpose(1, 2).contiguous().cpu().numpy()
    else:
        binary = (masks != 0).astype(np.uint8)
        columns = np.ascontiguousarray(binary.transpose(0, 2, 1))
    return mask_utils.encode(columns.transpose(2, 1, 0))


def encode_crop(crop: np.ndarray, top: int, left: int, height: int,
                width: int) -> RLE:
    """Encode a mask that is known inside a box and empty elsewhere.

    Costs the columns of the box and not the frame.

    Args:
        crop (np.ndarray): bool; the mask inside the box.
        top (int): First row of the box.
        left (int): First column of the box.
        height (int): Height of the frame in pixels.
        width (int): Width of the frame in pixels.

    Shape:
        - crop: ``(h, w)``.

    Returns:
        dict: ``{'size': [H, W], 'counts': bytes}``.
    """
    columns = np.zeros((crop.shape[1], height), bool)
    columns[:, top:top + crop.shape[0]] = crop.T
    padded = np.concatenate([[False], columns.ravel(), [False]])
    ends = np.flatnonzero(padded[1:] != padded[:-1]) + left * height
    counts = np.diff(np.concatenate([[0], ends, [height * width]]))
    if len(counts) > 1 and counts[-1] == 0:  # ends with foreground
        counts = counts[:-1]
    return mask_utils.frPyObjects(
        dict(size=[height, width], counts=counts.tolist()), height, width)


def as_rle(segmentation: Union[RLE, list], height: int, width: int) -> RLE:
    """Bring any COCO form of a mask into a compressed run-length code.

    Args:
        segmentation (dict or list): A code with ``counts`` as bytes, str or
            list of run lengths, or a list of polygons ``[x1, y1, ...]``.
        height (int): Image height in pixels.
        width (int): Image width in pixels.

    Returns:
        dict: ``{'size': [H, W], 'counts': bytes or str}``. A compressed code
        comes back as it is; the input is never changed.

    Raises:
        ValueError: If the code is for another image size or cut off, or its
            run lengths do not add up to the image.
    """
    if isinstance(segmentation, list):
        polygons = mask_utils.frPyObjects(segmentation, height, width)
        return mask_utils.merge(polygons)
    if list(segmentation['size']) != [height, width]:
        raise ValueError(f'mask of size {list(segmentation["size"])}, '
                         f'expected [{height}, {width}]')
    counts = segmentation['counts']
    if not isinstance(counts, list):
        # pycocotools reads past the end of a code that breaks off in a run
        if not counts or (ord(counts[-1:]) - 48) & 32:
            raise ValueError('run-length code breaks off, expected complete '
                             'compressed counts')
        return segmentation
    if sum(counts) != height * width or min(counts, default=0) < 0:
        raise ValueError(f'run lengths add up to {sum(counts)}, expected '
                         f'{height} x {width} = {height * width} and none '
                         'negative')
    return mask_utils.frPyObjects(segmentation, height, width)


def rle_areas(rles: Sequence[RLE]) -> np.ndarray:
    """Count the pixels of compressed run-length codes.

    Args:
        rles (Sequence[dict]): N codes.

    Shape:
        - output: ``(N, )`` int64.
    """
    # pycocotools 2.0.11 keeps the count of its input in 8 bits for a moment
    # and fails with NumPy 2 on more than 255 codes
    parts = [
        mask_utils.area(list(rles[start:start + 255]))
        for start in range(0, len(rles), 255)
    ]
    return np.concatenate(parts or [[]]).astype(np.int64)


class RLETracks:
    """Masks of all tracks of one video, frame by frame.

    Only frames in which a track has pixels are stored, so the memory
    follows what is visible and not tracks x frames. This is the one form in
    which a mask outlives its frame.

    Args:
        height (int): Height of the frames in pixels.
        width (int): Width of the frames in pixels.

    Examples:
        >>> tracks = RLETracks(height=4, width=6)
        >>> masks = np.zeros((1, 4, 6), dtype=bool)
        >>> masks[0, :2] = True
        >>> tracks.append([7], encode_masks(masks))
        >>> tracks.append([], [])
        >>> tracks.ids, len(tracks), tracks.areas(7).tolist()
        ([7], 2, [12, 0])
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = int(height)
        self.width = int(width)
        self._num_frames = 0
        self._masks: Dict[int, Dict[int, RLE]] = {}
        self._areas: Dict[int, Dict[int, int]] = {}

    def __len__(self) -> int:
        return self._num_frames

    def __contains__(self, track_id: int) -> bool:
        return int(track_id) in self._masks

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size=({self.height}, {self.width}), '
                f'num_frames={len(self)}, num_tracks={len(self._masks)})')

    @property
    def ids(self) -> List[int]:
        """list[int]: Ids of the tracks in order of first appearance."""
        return list(self._masks)

    def append(self, ids: Sequence[int], rles: Sequence[Union[RLE,
                                                              None]]) -> None:
        """Add the next frame.

        A track whose mask is None or has no pixel is absent in the frame,
        yet its id is known from here on.

        Args:
            ids (Sequence[int]): Distinct ids of the tracks of this frame.
            rles (Sequence[dict or None]): Their masks, in the same order.

        Raises:
            ValueError: If the two lists differ in length, an id comes
                twice, or a mask has another size than the frames.
        """
        ids = [int(track_id) for track_id in ids]
        if len(ids) != len(rles):
            raise ValueError(f'frame {len(self)}: {len(ids)} track ids for '
                             f'{len(rles)} masks, expected one mask per id')
        if len(set(ids)) != len(ids):
            twice = sorted(i for i in set(ids) if ids.count(i) > 1)
            raise ValueError(f'frame {len(self)}: track ids {twice[:5]} '
                             'appear twice, expected distinct ids')
        frame = self._num_frames
        present = [(track_id, self._checked(rle, frame))
                   for track_id, rle in zip(ids, rles) if rle is not None]
        areas = rle_areas([rle for _, rle in present])
        for track_id in ids:
            self._masks.setdefault(track_id, {})
            self._areas.setdefault(track_id, {})
        for (track_id, rle), area in zip(present, areas):
            if area > 0:
                self._masks[track_id][frame] = rle
                self._areas[track_id][frame] = int(area)
        self._num_frames += 1

    def extend(self, other: 'RLETracks') -> None:
        """Add the frames of the window that follows this one.

        Args:
            other (RLETracks): The next frames of the same video; equal ids
                are the same track. It is not changed.
        """
        if (other.height, other.width) != (self.height, self.width):
            raise ValueError(
                f'window of frame size ({other.height}, {other.width}) '
                f'cannot follow frames of ({self.height}, {self.width})')
        offset = self._num_frames
        for track_id in other.ids:
            masks = self._masks.setdefault(track_id, {})
            areas = self._areas.setdefault(track_id, {})
            for frame, rle in other._masks[track_id].items():
                masks[offset + frame] = rle
                areas[offset + frame] = other._areas[track_id][frame]
        self._num_frames += len(other)

    def segmentations(self, track_id: int) -> List[Optional[RLE]]:
        """Return the masks of a track, one entry per frame.

        Args:
            track_id (int): Id of a track.

        Returns:
            list[dict or None]: The mask of each frame; None where the track
            has no pixel.
        """
        masks = self._masks[int(track_id)]
        return [masks.get(frame) for frame in range(len(self))]

    def areas(self, track_id: int) -> np.ndarray:
        """Return the pixel count of a track in each frame.

        Args:
            track_id (int): Id of a track.

        Shape:
            - output: ``(T, )`` int64; 0 where the track is absent.
        """
        areas = np.zeros(len(self), dtype=np.int64)
        for frame, area in self._areas[int(track_id)].items():
            areas[frame] = area
        return areas

    def frame(self, index: int) -> Dict[int, RLE]:
        """Return the masks of one frame by track id.

        Args:
            index (int): Position of the frame, 0-based.
        """
        return {
            track_id: masks[index]
            for track_id, masks in self._masks.items() if index in masks
        }

    def to_youtube_vis(self, track_id: int) -> List[Optional[RLE]]:
        """Return the ``segmentations`` of a track for a JSON file.

        Args:
            track_id (int): Id of a track.

        Returns:
            list[dict or None]: As :meth:`segmentations`, with plain int
            sizes and text ``counts``.
        """
        return [
            None if rle is None else {
                'size': [self.height, self.width],
                'counts': _as_text(rle['counts'])
            } for rle in self.segmentations(track_id)
        ]

    @classmethod
    def from_youtube_vis(cls, segmentations: Dict[int, Sequence], height: int,
                         width: int) -> 'RLETracks':
        """Build the tracks of a video from YouTube-VIS annotations.

        Args:
            segmentations (dict[int, Sequence]): Track id to its list of
                masks in any COCO form, None where absent. All lists have
                the length of the video.
            height (int): Height of the frames in pixels.
            width (int): Width of the frames in pixels.

        Raises:
            ValueError: If the lists differ in length or a mask is broken.
        """
        lengths = {len(masks) for masks in segmentations.values()}
        if len(lengths) > 1:
            raise ValueError(f'tracks of {sorted(lengths)} frames in one '
                             'video, expected one length')
        tracks = cls(height, width)
        for frame in range(lengths.pop() if lengths else 0):
            tracks.append(
                list(segmentations),
                [masks[frame] or None for masks in segmentations.values()])
        return tracks

    def _checked(self, rle: RLE, frame: int) -> RLE:
        try:
            return as_rle(rle, self.height, self.width)
        except ValueError as err:
            raise ValueError(f'frame {frame}: {err}') from None


def _as_text(counts: Union[bytes, str]) -> str:
    return counts.decode() if isinstance(counts, bytes) else counts
