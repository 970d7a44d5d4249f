"""Golden cases of the panoptic metrics as the frames of a data set."""
from mmvis_plugin.evaluation import VPQMetric
from .panoptic_cases import panoptic_samples, vpq_case, vpq_rules

FORM = dict(
    cityscapes='cityscapes_vps', viper='cityscapes_vps', vipseg='vipseg')
CASES = ('vpq_cityscapes_a', 'vpq_viper_b', 'vpq_vipseg_b')


def form_of(name):
    """Return the form of the result file of a case."""
    return FORM[name.split('_')[1]]


def named_frames(name, folder):
    """Return the videos of a case, frames with the names of their data set,
    and the metainfo."""
    videos, metainfo = panoptic_samples(name, folder)
    number = 0
    for i, frames in enumerate(videos):
        for t, frame in enumerate(frames):
            number += 1
            stem = f'{t:08d}' if 'vipseg' in name else (
                f'{i + 1:04d}_{number:04d}_city_{i:06d}_{t:06d}')
            frame.set_metainfo(
                dict(src_img_id=stem, img_path=f'img/{stem}_leftImg8bit.png'))
    return videos, metainfo


class CaseDataset:
    """The videos of a case as a data set."""

    def __init__(self, videos, metainfo):
        self.metainfo = metainfo
        self.infos = [
            dict(
                video_id=frames[0].video_id,
                video_name=frames[0].video_name,
                images=[
                    dict(
                        frame_id=frame.frame_id,
                        src_img_id=frame.get('src_img_id'),
                        img_path=frame.img_path,
                        has_ann=frame.has_ann,
                        height=frame.ori_shape[0],
                        width=frame.ori_shape[1]) for frame in frames
                ]) for frames in videos
        ]

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        """Return a video."""
        return self.infos[index]


def build(name, metainfo, metric=VPQMetric, **kwargs):
    """Return a metric with the rules of a case."""
    if metric is VPQMetric:
        kwargs = dict(
            vpq_rules(name), windows=vpq_case(name)[1]['windows'], **kwargs)
    built = metric(**kwargs)
    built.dataset_meta = metainfo
    return built


def evaluate(metric, samples):
    """Return the results of samples."""
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric.evaluate(len(metric.dataset_meta['video_ids']))
