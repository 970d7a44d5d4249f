"""Tiny panoptic data sets on disk, in each of the three JSON forms."""
import json

import mmcv
import numpy as np

from mmvis_plugin.datasets import VIPER, CityscapesVPS, VIPSeg
from mmvis_plugin.datasets.class_tables import table_categories
from mmvis_plugin.structures import write_panoptic_map

HEIGHT, WIDTH, FRAMES = 12, 16, 3
CLASSES = dict(cityscapes_vps=CityscapesVPS, viper=VIPER, vipseg=VIPSeg)
KINDS = tuple(CLASSES)
LOAD = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic')
        ]),
    dict(type='PackClipInputs')
]


class PanopticData:
    """Two videos: two regions of stuff, two things, void at the right.

    The second thing is away in frame 1; in video 1 it is a crowd.

    Attributes:
        data (dict): The JSON, free to be spoilt before :meth:`build`.
        ids (dict): (video, frame) to the map of segment ids.
    """

    def __init__(self, root, kind, num_categories=None):
        self.root, self.kind = root, kind
        table = table_categories(kind)
        self.stuff = [c['id'] for c in table if not c['isthing']][:2]
        self.things = [c['id'] for c in table if c['isthing']][:2]
        self.ids = {
            (v, t): self._ids(v, t)
            for v in range(2)
            for t in range(FRAMES)
        }
        keys = ('id', 'name', 'isthing', 'color')
        used = self.stuff + self.things
        table.sort(key=lambda c: c['id'] not in used)
        self.data = dict(
            images=[],
            annotations=[],
            categories=[{
                k: c[k]
                for k in keys
            } for c in table[:num_categories]])
        if kind == 'vipseg':
            self.data['videos'] = []
            del self.data['images']
        for v in range(2):
            self._add_video(v)

    def _ids(self, v, t):
        ids = np.full((HEIGHT, WIDTH), self.stuff[0] + 1)
        ids[HEIGHT // 2:] = self.stuff[1] + 1
        ids[:, WIDTH - 2:] = 0
        ids[2 + t:5 + t, 1 + v:5 + v] = 1000 * (self.things[0] + 1) + 1
        if t != 1:
            ids[7:10, 8:10 + t] = 1000 * (self.things[1] + 1) + 2
        return ids

    def names(self, v, t):
        """Return the video and the files of image and map of a frame."""
        if self.kind == 'cityscapes_vps':
            name = f'{v + 1:04d}_{3 * v + t + 1:04d}_city_{5 * t + 4:06d}'
            return f'{v + 1:04d}', f'{name}_newImg8bit.png', f'{name}_m.png'
        if self.kind == 'viper':
            name = f'{v + 2:03d}_{t:05d}.png'
            return f'{v + 2:03d}', name, name
        return f'{v}_clip', f'{t:08d}.png', f'{t:08d}.png'

    def _add_video(self, v):
        images, annotations = [], []
        for t in range(FRAMES):
            _, image, seg_map = self.names(v, t)
            ids = self.ids[v, t]
            images.append(
                dict(
                    id=image[:-15]
                    if self.kind == 'cityscapes_vps' else image[:-4],
                    file_name=image,
                    width=WIDTH,
                    height=HEIGHT))
            annotations.append(
                dict(
                    image_id=images[-1]['id'],
                    file_name=seg_map,
                    segments_info=[
                        self._segment(v, int(i), ids)
                        for i in np.unique(ids[ids > 0])
                    ]))
            picture = np.full((HEIGHT, WIDTH, 3), 10 * v + t, np.uint8)
            mmcv.imwrite(picture, self.image_path(v, t))
            write_panoptic_map(self.map_path(v, t), ids)
        if self.kind == 'vipseg':
            name = self.names(v, 0)[0]
            self.data['videos'].append(dict(video_id=name, images=images))
            annotations = [dict(video_id=name, annotations=annotations)]
        else:
            self.data['images'] += images
        self.data['annotations'] += annotations

    def _segment(self, v, segment_id, ids):
        category = (segment_id //
                    1000 if segment_id >= 1000 else segment_id) - 1
        return dict(
            id=segment_id,
            category_id=category,
            iscrowd=int(v == 1 and category == self.things[1]),
            area=int((ids == segment_id).sum()))

    def image_path(self, v, t):
        """Return where the image of a frame is."""
        video, image, _ = self.names(v, t)
        folder = f'img/{video}/' if self.kind == 'vipseg' else 'img/'
        return str(self.root / f'{folder}{image}')

    def map_path(self, v, t):
        """Return where the map of a frame is."""
        video, _, seg_map = self.names(v, t)
        folder = f'map/{video}/' if self.kind == 'vipseg' else 'map/'
        return str(self.root / f'{folder}{seg_map}')

    def image(self, v, t):
        """Return the record of an image and its path in the JSON."""
        if self.kind == 'vipseg':
            return (self.data['videos'][v]['images'][t],
                    f'videos[{v}].images[{t}]')
        return self.data['images'][FRAMES * v + t], f'images[{FRAMES * v + t}]'

    def annotation(self, v, t):
        """Return the annotation of a frame and its path in the JSON."""
        if self.kind == 'vipseg':
            return (self.data['annotations'][v]['annotations'][t],
                    f'annotations[{v}].annotations[{t}]')
        return (self.data['annotations'][FRAMES * v + t],
                f'annotations[{FRAMES * v + t}]')

    def lists(self, v):
        """Return the JSON lists that hold images and annotations."""
        if self.kind == 'vipseg':
            return (self.data['videos'][v]['images'],
                    self.data['annotations'][v]['annotations'])
        return self.data['images'], self.data['annotations']

    def write(self, text=None):
        """Write the JSON, or another text, and return its path."""
        path = self.root / 'gt.json'
        text = json.dumps(self.data) if text is None else text
        path.write_text(text, encoding='utf-8')
        return str(path)

    def build(self, text=None, **kwargs):
        """Write the JSON and construct the dataset on it."""
        self.write(text)
        if self.kind == 'vipseg':
            kwargs.setdefault('img_suffix', '.png')
        kwargs.setdefault('pipeline', LOAD)
        kwargs.setdefault('test_mode', True)
        # Serialising collects garbage of the whole process: 0.2 s each time.
        kwargs.setdefault('serialize_data', False)
        return CLASSES[self.kind](
            ann_file='gt.json',
            data_root=str(self.root),
            data_prefix=dict(img_path='img/', seg_map_path='map/'),
            **kwargs)
