"""Two tiny videos in the tree of BDD100K, and a slow reader of its JSON."""
import json

import cv2
import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import BDD100KMOTS
from .naive_readers import digest, one_object

NAMES = ('pedestrian', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle',
         'bicycle')
SIZE, FRAMES, VIDEOS = (24, 32), 3, ('0a1b-2c', '9f-1')
ALIASES = dict(
    person=(1, 0),
    caravan=(3, 0),
    van=(3, 0),
    motor=(7, 0),
    bike=(8, 0),
    trailer=(4, 1),
    other_person=(1, 1),
    other_vehicle=(3, 1))


class BddData:
    """Squares that move; in both label forms.

    Attributes:
        maps (dict): Video to RGBA pictures, as channels are defined.
        frames (dict): Video to the content of its JSON file.
    """

    def __init__(self, root):
        self.root = root
        self.maps = {name: self._draw(k) for k, name in enumerate(VIDEOS)}
        self.frames = {
            name: [self._record(name, t, m) for t, m in enumerate(maps)]
            for name, maps in self.maps.items()
        }
        for name in VIDEOS:
            for t in range(FRAMES):
                image = np.full((*SIZE, 3), 20 * t, dtype=np.uint8)
                self._write_picture(f'images/{name}/{self.stem(name, t)}.jpg',
                                    image)

    @staticmethod
    def stem(name, t):
        return f'{name}-{t + 1:07d}'

    def _draw(self, k):
        maps = np.zeros((FRAMES, *SIZE, 4), dtype=np.uint8)
        for t, image in enumerate(maps):
            image[2 + t:9, 3:8] = (1 + k, 4, 0, 5)  # occluded
            image[12:18, 6 + t:12] = (3, 8 * (t == 1), 1, 5)  # id 261
            image[20:, 20:] = (4, 2 - k, 0, 1)  # crowd, then ignored
        maps[2, 12:18] = 0
        return maps

    def _record(self, name, t, image):
        labels = []
        for track, category, bits in ((5, None, 4), (261, 3, None), (1, 4,
                                                                     None)):
            mask = (image[..., 2] * 256. + image[..., 3]) == track
            if not mask.any():
                continue
            red, green = image[mask][0, :2].tolist()
            rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
            rows, cols = np.nonzero(mask)
            labels.append(
                dict(
                    id=str(track),
                    category=NAMES[red - 1],
                    attributes=dict(
                        occluded=green & 4 > 0,
                        truncated=green & 8 > 0,
                        crowd=green & 2 > 0,
                        ignored=green & 1 > 0),
                    rle=dict(size=list(SIZE), counts=rle['counts'].decode()),
                    box2d=dict(
                        x1=int(cols.min()),
                        y1=int(rows.min()),
                        x2=int(cols.max()),
                        y2=int(rows.max()))))
        return dict(
            videoName=name,
            name=f'{self.stem(name, t)}.jpg',
            frameIndex=t,
            labels=labels)

    def _write_picture(self, name, image):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        order = [2, 1, 0, 3][:image.shape[2]]
        assert cv2.imwrite(str(path), image[..., order])

    def write_bitmasks(self):
        """Write the pictures; return their folder."""
        for name, maps in self.maps.items():
            for t, image in enumerate(maps):
                self._write_picture(
                    f'bitmasks/{name}/{self.stem(name, t)}.png', image)
        return self.root / 'bitmasks'

    def write_rles(self):
        """Write the JSON files; return their folder."""
        (self.root / 'rles').mkdir(exist_ok=True)
        for name, frames in self.frames.items():
            path = self.root / 'rles' / f'{name}.json'
            path.write_text(json.dumps(frames))
        return self.root / 'rles'

    def build(self, ann_file, **kwargs):
        """Construct a dataset on a label folder or file."""
        kwargs.setdefault('workers', 1)
        kwargs.setdefault('data_prefix', dict(img_path='images'))
        return BDD100KMOTS(
            ann_file=ann_file,
            data_root=str(self.root),
            serialize_data=False,
            **kwargs)


def records(dataset):
    """Return all videos of a dataset."""
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def read_bdd(frames, name):
    """Read the JSON of a video, straight from its description."""
    found, order = [], []
    for frame in frames:
        assert frame.get('videoName') in (None, name)
        objects = []
        for label in frame.get('labels') or []:
            key = '_'.join(label['category'].strip().lower().split(' '))
            category, distractor = (NAMES.index(key) + 1,
                                    0) if key in NAMES else ALIASES[key]
            flags = label.get('attributes') or {}
            mask, box = label.get('rle'), label.get('box2d')
            if mask is None:
                mask = [sum(part['vertices'], []) for part in label['poly2d']]
            if box is not None:
                box = [
                    box['x1'], box['y1'], box['x2'] - box['x1'] + 1,
                    box['y2'] - box['y1'] + 1
                ]
            item = one_object(mask, box, None, SIZE)
            if item is not None:
                ignored = distractor or flags.get('crowd') or flags.get(
                    'ignored')
                objects.append((str(label['id']), NAMES[category - 1],
                                bool(ignored), *item))
        found.append((f'{name}/{frame["name"]}', objects))
        if frame.get('frameIndex') is not None:
            order.append((frame['name'], frame['frameIndex']))
    order.sort()
    assert all(a[1] < b[1] for a, b in zip(order, order[1:]))
    return sorted(found)


def content(video, classes):
    """Return what :func:`read_bdd` returns, but for names of tracks."""
    return [(image['file_name'], [
        (obj['src_instance_id'], classes[obj['bbox_label']],
         bool(obj['ignore_flag']), obj['bbox'], obj['area'],
         digest(mask_utils.decode(obj['mask']))) for obj in image['instances']
    ]) for image in video['images']]
