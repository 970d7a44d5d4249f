import pytest

from mmvis_plugin.datasets import JointVideoDataset
from mmvis_plugin.datasets.samplers import JointVideoSampler
from mmvis_plugin.utils.errors import AnnotationError


def test_all_index_forms_reach_the_right_dataset(vis, collect):
    first = vis.build(test_mode=True, pipeline=[collect])
    second = vis.build(
        test_mode=True,
        pipeline=[collect],
        data_prefix=dict(
            img_path=str(vis.root / 'JPEGImages' / '..' / 'JPEGImages')))
    both = JointVideoDataset([first, second])
    assert len(both) == 4
    for index, video, frames in ((3, 2, [0, 1, 2, 3]), ((2, 1), 1, [1]),
                                 ((1, 2, 4), 2, [2, 3])):
        results = both[index]
        place = index[0] if isinstance(index, tuple) else index
        assert results['video_id'][0] == video
        assert results['frame_id'] == frames
        assert ('..' in results['img_path'][0]) == (place >= 2)
    assert both.get_len_per_video(3) == 4


def test_source_ids_may_differ_classes_may_not(vis):
    first = vis.build()
    for category in vis.data['categories']:
        category['id'] += 10
    for track in vis.data['annotations']:
        track['category_id'] += 10
    second = vis.build()
    both = JointVideoDataset([first, second])
    assert both.metainfo['label2cat'] == (3, 5)
    vis.data['categories'][0]['name'] = 'ring'
    with pytest.raises(AnnotationError) as error:
        JointVideoDataset([first, vis.build()])
    assert str(error.value) == (
        f"datasets[1] ({vis.root / 'train.json'}) has the classes ('ring', "
        "'square'), expected those of datasets[0]: ('disc', 'square')")


def test_configs_are_built_and_the_sampler_finds_the_sizes(vis):
    vis.write()
    config = dict(
        type='YouTubeVIS',
        ann_file='train.json',
        data_root=str(vis.root),
        data_prefix=dict(img_path='JPEGImages'))
    both = JointVideoDataset([config, config])
    assert sorted(JointVideoSampler(both, epoch_length=8, seed=0))[-1] == 3
