"""MovingShapes without files: every frame is rendered when it is asked."""
from typing import Optional

from mmvis_plugin.registry import DATASETS
from ..video_seg_dataset import VideoSegDataset
from ..video_source import VideoSource
from ..vis_json import parse_vis_json
from .generate import generate_video
from .synth_cfg import get_cfg
from .writers.youtube_vis import YouTubeVISWriter


@DATASETS.register_module()
class SyntheticVideoDataset(VideoSegDataset):
    """A split of MovingShapes, rendered on the fly.

    Annotations are those that :class:`YouTubeVISWriter` writes; frames are
    the same pixels before JPEG coding. The pipeline loads frames with
    :class:`LoadSyntheticFrames`, everything else stays as for files.

    Args:
        profile (str): 'micro', 'tiny', 'small' or 'hard'.
            Defaults to 'tiny'.
        split (str): 'train' or 'val'. Defaults to 'train'.
        synth_cfg (dict, optional): Fields of :class:`SynthCfg` that replace
            those of the profile.
        **kwargs: Arguments of :class:`VideoSegDataset`.
    """

    def __init__(self,
                 *args,
                 profile: str = 'tiny',
                 split: str = 'train',
                 synth_cfg: Optional[dict] = None,
                 **kwargs) -> None:
        self.synth_cfg = get_cfg(profile, **(synth_cfg or {}))
        self.split = split
        self.synth_cfg.num_videos(split)
        kwargs.setdefault('ann_file', f'MovingShapes-{profile}-{split}')
        # there are no files to look for
        kwargs['check_files'] = 'none'
        super().__init__(*args, **kwargs)

    def load_videos(self) -> VideoSource:
        """Lay out all videos of the split; images are rendered later."""
        cfg, split = self.synth_cfg, self.split
        writer = YouTubeVISWriter(cfg)
        records = [
            writer.record(generate_video(cfg, split, i, with_images=False))
            for i in range(cfg.num_videos(split))
        ]
        source = parse_vis_json(writer.content(split, records), self.ann_file)
        for index, video in enumerate(source.videos):
            for image in video['images']:
                frame = image['src_frame']
                image['synth_source'] = (cfg, split, index, frame)
        return source
