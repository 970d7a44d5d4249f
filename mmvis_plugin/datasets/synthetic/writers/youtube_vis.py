"""MovingShapes in the form of YouTube-VIS."""
from pathlib import Path
from typing import Dict, List

from ..synth_cfg import SynthCfg
from ..synth_video import SynthVideo
from .base_writer import BaseWriter
from .common import (load_categories, mask_to_box, mask_to_counts, write_image,
                     write_json)
from .flow_folder import ImageRun

_FOLDERS = dict(train='train', val='valid')

# shape -> category of YouTube-VIS 2021
NAMES_2021 = dict(
    disc='flying_disc',
    square='truck',
    triangle='airplane',
    star5='bird',
    ring='snake',
    cross='lizard',
    capsule='fish',
    blob='frog')


class YouTubeVISWriter(BaseWriter):
    """Write ``{train,valid}/JPEGImages/<video>/<frame>.jpg`` and JSON.

    ``train.json`` and ``valid_with_gt.json`` have annotations with
    uncompressed RLE; ``valid.json`` has none, as the official file. Only
    every ``label_stride``-th frame is written, named by its number.

    Args:
        cfg (SynthCfg): What to generate.
        names (str): 'shapes' for categories 1...n named by their form, or
            'youtube_vis_2021' for ids and names of that list.
            Defaults to 'shapes'.
    """

    format_name = 'youtube_vis'
    label_patterns = ('train.json', 'valid.json', 'valid_with_gt.json')

    def __init__(self, cfg: SynthCfg, names: str = 'shapes') -> None:
        super().__init__(cfg)
        if names not in ('shapes', 'youtube_vis_2021'):
            raise ValueError(f'names={names!r}, expected shapes or '
                             'youtube_vis_2021')
        self.names = names
        self.categories = self._categories()

    def meta(self) -> Dict:
        """Return what identifies the content, the names included."""
        return {**super().meta(), 'names': self.names}

    def image_runs(self, video: SynthVideo) -> List[ImageRun]:
        """List the images: one folder."""
        folder = f'{_FOLDERS[video.split]}/JPEGImages'
        return [[(t, f'{folder}/{name}') for t, name in self._names(video)]]

    def write_video(self, root: Path, video: SynthVideo) -> Dict:
        """Write the images of a video."""
        run, = self.image_runs(video)
        for t, image_file in run:
            write_image(root / image_file, video.frames[t])
        return self.record(video)

    def write_index(self, root: Path, split: str, records: List[Dict]) -> None:
        """Write one JSON file for 'train' and two for 'val'."""
        content = self.content(split, records)
        if split == 'train':
            write_json(root / 'train.json', content)
            return
        write_json(root / 'valid_with_gt.json', content)
        del content['annotations']
        write_json(root / 'valid.json', content)

    def record(self, video: SynthVideo) -> Dict:
        """Return the frames and tracks of a video in the terms of the JSON.

        Args:
            video (SynthVideo): The video; its images are not needed.

        Returns:
            Dict: ``file_names`` and ``tracks``.
        """
        names = [name for _, name in self._names(video)]
        seen = video.id_maps[::self.cfg.label_stride]
        tracks = [
            self._track(video, card.object_id, card.label, card.iscrowd)
            for card in video.objects if (seen == card.object_id).any()
        ]
        return dict(file_names=names, tracks=tracks)

    def content(self, split: str, records: List[Dict]) -> Dict:
        """Return the JSON of a split.

        Args:
            split (str): 'train' or 'val'.
            records (List[Dict]): Results of :meth:`record`, in order.

        Returns:
            Dict: videos, categories and annotations; ids count from 1.
        """
        tracks = [
            dict(track, video_id=i) for i, record in enumerate(records, 1)
            for track in record['tracks']
        ]
        return dict(
            info=dict(description=f'MovingShapes {self.cfg.profile} {split}'),
            licenses=[],
            videos=[
                self._video(i, record) for i, record in enumerate(records, 1)
            ],
            categories=self.categories,
            annotations=[
                dict(track, id=i) for i, track in enumerate(tracks, 1)
            ])

    def _names(self, video: SynthVideo) -> ImageRun:
        return [(t, f'{video.name}/{t:05d}.{self.cfg.image_format}')
                for t in range(0, self.cfg.num_frames, self.cfg.label_stride)]

    def _categories(self) -> List[Dict]:
        shapes = self.cfg.class_names
        if self.names == 'shapes':
            return [
                dict(id=i, name=name, supercategory='shape')
                for i, name in enumerate(shapes, 1)
            ]
        ids = {c['name']: c['id'] for c in load_categories(self.names)}
        return [
            dict(
                id=ids[NAMES_2021[shape]],
                name=NAMES_2021[shape],
                supercategory='object') for shape in shapes
        ]

    def _video(self, video_id: int, record: Dict) -> Dict:
        return dict(
            id=video_id,
            width=self.cfg.width,
            height=self.cfg.height,
            length=len(record['file_names']),
            file_names=record['file_names'],
            date_captured='',
            license=0,
            flickr_url='',
            coco_url='')

    def _track(self, video: SynthVideo, object_id: int, label: int,
               iscrowd: bool) -> Dict:
        size = [self.cfg.height, self.cfg.width]
        masks = video.mask(object_id)[::self.cfg.label_stride]
        track: Dict = dict(
            category_id=self.categories[label]['id'],
            iscrowd=int(iscrowd),
            width=size[1],
            height=size[0],
            length=len(masks),
            segmentations=[],
            bboxes=[],
            areas=[])
        for mask in masks:
            seen = mask.any()
            track['segmentations'].append(
                dict(size=size, counts=mask_to_counts(mask)) if seen else None)
            track['bboxes'].append(mask_to_box(mask) if seen else None)
            track['areas'].append(int(mask.sum()) if seen else None)
        return track


def write_youtube_vis(root: str,
                      cfg: SynthCfg,
                      names: str = 'shapes',
                      **kwargs) -> bool:
    """Write a YouTube-VIS tree, see :class:`YouTubeVISWriter`.

    Args:
        root (str): Target folder.
        cfg (SynthCfg): What to generate.
        names (str): 'shapes' or 'youtube_vis_2021'. Defaults to 'shapes'.
        **kwargs: Arguments of :meth:`BaseWriter.write`.

    Returns:
        bool: False if the same data set was there already.
    """
    return YouTubeVISWriter(cfg, names).write(root, **kwargs)
