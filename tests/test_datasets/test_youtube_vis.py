import pytest

from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError


def records(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_both_json_forms_give_the_same_records(vis):
    official = records(vis.build())
    assert records(vis.build(vis.coco_video())) == official
    ids = {
        obj['instance_id']
        for video in official
        for image in video['images']
        for obj in image['instances']
    }
    assert ids == {1, 2, 3, 4}


def test_file_of_neither_form(vis):
    with pytest.raises(AnnotationError) as error:
        vis.build(dict(info={}, categories=[]))
    assert str(error.value) == (
        f"{vis.root / 'train.json'}: key videos is missing, expected "
        "'videos' with 'file_names' (YouTube-VIS) or 'videos' and 'images' "
        '(COCO-video); convert labels of labelme or CVAT with '
        'tools/dataset_converters/labelme2ytvis.py or cvat2ytvis.py')


def test_missing_file_names_the_options(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        YouTubeVIS(ann_file='none.json', data_root=str(tmp_path))
    assert str(error.value) == (
        f"annotation file {tmp_path / 'none.json'} not found (from "
        f'data_root={str(tmp_path)!r}, ann_file)')


@pytest.mark.parametrize('version, names', [
    ('2019', ('sedan', 'giant_panda')),
    ('2021', ('flying_disc', 'whale')),
    (2021, ('flying_disc', 'whale')),
])
def test_versions_have_their_class_lists(vis, version, names):
    for category, name in zip(vis.data['categories'], names):
        category['name'] = name
    dataset = vis.build(version=version)
    classes = dataset.metainfo['classes']
    assert len(classes) == 40
    labels = {
        obj['bbox_label']
        for obj in dataset.get_data_info(0)['images'][0]['instances']
    }
    assert labels == {classes.index(name) for name in names}
    # the ids of this file, not those of the benchmark
    assert dataset.metainfo['label2cat'][classes.index(names[0])] == 3


def test_unknown_version():
    with pytest.raises(
            ValueError,
            match=r"version='2022' of YouTubeVIS, "
            r"expected one of \('2019', '2021'\) or None"):
        YouTubeVIS(version='2022')


def test_two_versions_live_side_by_side(vis):
    for category, name in zip(vis.data['categories'], ('person', 'dog')):
        category['name'] = name
    first, second = vis.build(version='2019'), vis.build(version='2021')
    assert first.metainfo['classes'][0] == 'person'
    assert second.metainfo['classes'][0] == 'airplane'


def test_built_from_a_config_by_its_bare_name(vis):
    vis.write()
    dataset = DATASETS.build(
        dict(
            type='YouTubeVIS',
            ann_file='train.json',
            data_root=str(vis.root),
            data_prefix=dict(img_path='JPEGImages')))
    assert isinstance(dataset, YouTubeVIS) and len(dataset) == 2
