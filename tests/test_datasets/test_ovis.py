import pytest

from mmvis_plugin.datasets import OVIS


@pytest.mark.parametrize('spelling', ['Vehical', 'Vehicle', 'vehicle'])
def test_both_spellings_of_the_last_class(vis, spelling):
    for category, name in zip(vis.data['categories'],
                              (spelling, 'giant_panda')):
        category['name'] = name
    dataset = vis.build(cls=OVIS)
    classes = dataset.metainfo['classes']
    assert len(classes) == 25 and classes[24] == 'Vehical'
    labels = [
        obj['bbox_label']
        for obj in dataset.get_data_info(0)['images'][0]['instances']
    ]
    assert labels == [24, classes.index('Giant_panda')]


def test_ovis_has_no_version():
    with pytest.raises(ValueError, match='OVIS has one version'):
        OVIS(version='2021')
