"""Slow readers of annotation files, straight from their description.

They know nothing about errors: content without a meaning raises anything.
"""
import hashlib
import os.path as osp

import numpy as np
from pycocotools import mask as mask_utils


def bitmap(segmentation, height, width):
    """Return a mask; list-RLEs run by run, None if there is no polygon."""
    if isinstance(segmentation, dict):
        assert segmentation['size'] == [height, width]
        counts = segmentation['counts']
        if isinstance(counts, str):
            return mask_utils.decode(segmentation)
        pixels, value = [], 0
        for run in counts:
            pixels += [value] * run
            value = 1 - value
        return np.array(pixels, np.uint8).reshape(width, height).T
    polygons = [
        p for p in segmentation
        if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0
    ]
    if not polygons:
        return None
    return mask_utils.decode(
        mask_utils.merge(mask_utils.frPyObjects(polygons, height, width)))


def digest(mask):
    """Return a short text that stands for a mask."""
    return hashlib.sha1(np.ascontiguousarray(mask).tobytes()).hexdigest()[:8]


def one_object(mask, box, area, size, lazy=False):
    """Return (box, area, mask) of an object, None if it is left out."""
    polygons = isinstance(mask, list)
    if mask is not None:
        mask = bitmap(mask, *size)
        if mask is None:
            return None
        if not (lazy and polygons and box is not None):
            if area is None or mask.sum() == 0:
                area = int(mask.sum())
        if box is None and not mask.any():
            return None
        if box is None:
            rows, cols = np.nonzero(mask)
            box = [
                int(cols.min()),
                int(rows.min()),
                int(np.ptp(cols)) + 1,
                int(np.ptp(rows)) + 1
            ]
    x, y, w, h = box
    area = w * h if area is None else area
    inside = (
        min(x + w, size[1]) > max(x, 0) and min(y + h, size[0]) > max(y, 0))
    if area <= 0 or not inside or (x + w) - x < 1 or (y + h) - y < 1:
        return None
    return ([x, y, x + w,
             y + h], float(area), None if mask is None else digest(mask))


def names_of(tree):
    """Return the category names by id; ids and names are unique."""
    names = {c['id']: c['name'] for c in tree['categories']}
    assert len({n.lower() for n in names.values()}) == len(tree['categories'])
    return names


def _sorted_video(video_id, frames):
    for frame in frames.values():
        frame.sort(key=lambda entry: entry[0])
    return video_id, list(frames.items())


def read_vis(tree):
    """Read YouTube-VIS form: ``[(video id, [(file, objects)])]``."""
    names, videos = names_of(tree), []
    assert tree['annotations']
    for video in sorted(tree['videos'], key=lambda v: v['id']):
        size = video['height'], video['width']
        frames = {name: [] for name in video['file_names']}
        assert len(frames) == len(video['file_names'])
        for track in tree['annotations']:
            if track['video_id'] != video['id']:
                continue
            masks, boxes, areas = (
                track.get(key) or [None] * len(frames)
                for key in ('segmentations', 'bboxes', 'areas'))
            fields = zip(frames.values(), masks, boxes, areas, strict=True)
            for frame, mask, box, area in fields:
                if mask is None and (track.get('segmentations') or not box):
                    continue
                found = one_object(mask, box, area, size)
                if found:
                    frame.append((track['id'], names[track['category_id']],
                                  bool(track.get('iscrowd')), *found))
        videos.append(_sorted_video(video['id'], frames))
    return videos


def read_coco_video(tree):
    """Read COCO-video form, as :func:`read_vis`."""
    names, videos = names_of(tree), []
    assert tree['annotations']
    for video in sorted(tree['videos'], key=lambda v: v['id']):
        frames = {}
        images = [i for i in tree['images'] if i['video_id'] == video['id']]
        for image in sorted(images, key=lambda i: i['frame_id']):
            frame = frames[image['file_name']] = []
            for ann in tree['annotations']:
                if ann['image_id'] != image['id']:
                    continue
                found = one_object(
                    ann.get('segmentation'), ann.get('bbox'), ann.get('area'),
                    (image['height'], image['width']))
                if found:
                    frame.append(
                        (ann['instance_id'], names[ann['category_id']],
                         bool(ann.get('iscrowd')), *found))
        assert len(frames) == len(images)
        videos.append(_sorted_video(video['id'], frames))
    return videos


def read_coco_instances(tree, class_map):
    """Read COCO instances as videos of one frame, by a map of classes."""
    videos = []
    for image in sorted(tree['images'], key=lambda i: i['id']):
        objects, any_mapped = [], False
        for ann in tree['annotations']:
            name = class_map.get(ann['category_id'])
            if ann['image_id'] != image['id'] or name is None:
                continue
            mask = ann.get('segmentation')
            if isinstance(mask, list) and bitmap(mask, 8, 8) is None:
                continue
            any_mapped = True
            found = one_object(
                mask,
                ann.get('bbox'),
                ann.get('area'), (image['height'], image['width']),
                lazy=True)
            if found:
                objects.append((name, bool(ann.get('iscrowd')), *found))
        if any_mapped:
            stem = osp.splitext(osp.basename(image['file_name']))[0]
            videos.append((image['id'], stem, sorted(objects, key=repr)))
    return videos
