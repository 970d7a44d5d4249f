"""Tiny video data sets on disk for the tests of the data side."""
import copy
import json

import mmcv
import numpy as np
import pytest
from mmengine.registry import DefaultScope

import mmvis_plugin.datasets  # noqa: F401
from mmvis_plugin.datasets import YouTubeVIS

HEIGHT, WIDTH, FRAMES = 40, 60, 4


@pytest.fixture(autouse=True)
def mmdet_scope():
    """Resolve bare names as configs do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def list_rle(mask):
    """Uncompressed RLE by definition: column-major runs, zeros first."""
    runs, value, length = [], 0, 0
    for pixel in mask.flatten(order='F').tolist():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    return dict(size=list(mask.shape), counts=runs + [length])


class VisData:
    """Two videos of two squares each; object 2 is away in frame 1.

    Attributes:
        data (dict): The JSON in YouTube-VIS form, free to be spoilt.
        masks (dict): Annotation id to list of masks or None.
    """

    def __init__(self, root):
        self.root = root
        self.masks = {}
        self.data = dict(
            info={},
            licenses=[],
            videos=[self._video(v) for v in (1, 2)],
            categories=[dict(id=3, name='disc'),
                        dict(id=5, name='square')],
            annotations=[])
        for v in (1, 2):
            for k in (1, 2):
                self.data['annotations'].append(self._track(v, k))

    def _video(self, v):
        names = [f'clip{v}/{t * 5:05d}.png' for t in range(FRAMES)]
        for t, name in enumerate(names):
            image = np.full((HEIGHT, WIDTH, 3), 20 * v + t, dtype=np.uint8)
            image[:, :WIDTH // 2] += 100
            mmcv.imwrite(image, str(self.root / 'JPEGImages' / name))
        return dict(
            id=v, width=WIDTH, height=HEIGHT, length=FRAMES, file_names=names)

    def _track(self, v, k):
        ann_id = 2 * (v - 1) + k
        masks = []
        for t in range(FRAMES):
            mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
            x, y = 20 * k - 10 + t, 5 * v + t
            mask[y:y + 6, x:x + 5 + v] = 1
            masks.append(None if (k == 2 and t == 1) else mask)
        self.masks[ann_id] = masks
        boxes = [None if m is None else _box(m) for m in masks]
        return dict(
            id=ann_id,
            video_id=v,
            category_id=(3, 5)[k - 1],
            iscrowd=0,
            width=WIDTH,
            height=HEIGHT,
            length=FRAMES,
            segmentations=[m if m is None else list_rle(m) for m in masks],
            bboxes=boxes,
            areas=[None if m is None else int(m.sum()) for m in masks])

    def write(self, name='train.json', data=None):
        """Write the JSON and return its path."""
        path = self.root / name
        path.write_text(json.dumps(self.data if data is None else data))
        return str(path)

    def build(self, data=None, cls=YouTubeVIS, **kwargs):
        """Write the JSON and construct a dataset on it."""
        kwargs.setdefault('data_prefix', dict(img_path='JPEGImages'))
        # Serialising collects garbage of the whole process: 0.2 s each time.
        kwargs.setdefault('serialize_data', False)
        self.write(data=data)
        return cls(ann_file='train.json', data_root=str(self.root), **kwargs)

    def coco_video(self):
        """Return the same content as COCO-video JSON."""
        images, annotations = [], []
        for video in self.data['videos']:
            for t, name in enumerate(video['file_names']):
                images.append(
                    dict(
                        id=len(images) + 1,
                        video_id=video['id'],
                        frame_id=t,
                        file_name=name,
                        height=video['height'],
                        width=video['width']))
        for track in self.data['annotations']:
            for t, mask in enumerate(track['segmentations']):
                if mask is None:
                    continue
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        video_id=track['video_id'],
                        image_id=(track['video_id'] - 1) * FRAMES + t + 1,
                        instance_id=track['id'],
                        category_id=track['category_id'],
                        bbox=track['bboxes'][t],
                        area=track['areas'][t],
                        iscrowd=track['iscrowd'],
                        segmentation=mask))
        videos = [
            dict(id=v['id'], name=v['file_names'][0].split('/')[0])
            for v in self.data['videos']
        ]
        return copy.deepcopy(
            dict(
                videos=videos,
                images=images,
                annotations=annotations,
                categories=self.data['categories']))


def _box(mask):
    rows, cols = np.nonzero(mask)
    x, y = int(cols.min()), int(rows.min())
    return [x, y, int(cols.max()) - x + 1, int(rows.max()) - y + 1]


@pytest.fixture
def vis(tmp_path):
    """A fresh two-video data set."""
    return VisData(tmp_path)


@pytest.fixture
def collect():
    """A pipeline step that records what it was given."""

    class Collect(list):

        def __call__(self, results):
            self.append(results)
            return results

    return Collect()
