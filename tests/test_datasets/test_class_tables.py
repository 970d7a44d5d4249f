import pytest
from mmdet.datasets import CocoPanopticDataset

from mmvis_plugin.datasets.class_tables import (complete_label2cat, load_table,
                                                match_categories,
                                                normalise_name, table_metainfo)
from mmvis_plugin.datasets.panoptic_video_dataset import panoptic_metainfo
from mmvis_plugin.utils.errors import AnnotationError


def categories(**ids):
    return [dict(id=i, name=name) for name, i in ids.items()]


@pytest.mark.parametrize('name, count', [('youtube_vis_2019', 40),
                                         ('youtube_vis_2021', 40),
                                         ('ovis', 25)])
def test_tables_of_the_benchmarks(name, count):
    meta = table_metainfo(name)
    assert len(meta['classes']) == len(meta['palette']) == count
    assert len(set(meta['classes'])) == count
    ids = [c['id'] for c in load_table(name)['categories']]
    assert ids == list(range(1, count + 1))


def test_classes_of_coco_are_those_of_mmdet():
    table, theirs = load_table('coco_panoptic'), CocoPanopticDataset.METAINFO
    assert (table['things'], table['stuff']) == (80, 53)
    categories = table['categories']
    ids = [category['id'] for category in categories]
    assert ids == sorted(ids) and (ids[0], ids[-1]) == (1, 200)
    meta = panoptic_metainfo(categories)
    for key in ('classes', 'thing_classes', 'stuff_classes', 'palette'):
        assert list(meta[key]) == list(theirs[key]), key


def test_a_table_without_colours():
    meta = table_metainfo('bdd100k_mots')
    assert meta['classes'][0] == 'pedestrian' and 'palette' not in meta


def test_unknown_table_names_the_known_ones():
    with pytest.raises(KeyError, match='youtube_vis_2019'):
        load_table('youtube_vis_2020')


def test_names_are_compared_without_case_and_by_alias():
    assert normalise_name('Giant panda') == normalise_name('giant_panda')
    assert normalise_name('Vehical') == normalise_name('vehicle')
    assert normalise_name('dog') != normalise_name('cat')


def test_labels_follow_the_class_list_not_the_file():
    found = match_categories(('cat', 'dog'), categories(Dog=1, Cat=7), 'f')
    assert found == {1: 1, 7: 0}


def test_no_class_in_common_is_one_line():
    with pytest.raises(AnnotationError) as error:
        match_categories(('cat', 'dog'), categories(disc=1, ring=2), 'f.json')
    assert str(error.value) == (
        'f.json: no class in common: the file has disc, ring, the class list '
        'has cat, dog; set metainfo=dict(classes=...) or the version of the '
        'dataset to match the file')


def test_two_names_of_one_class():
    with pytest.raises(AnnotationError, match='two names of one class'):
        match_categories(('cat', 'Cat'), categories(cat=1), 'f')
    with pytest.raises(AnnotationError, match='two categories are named'):
        match_categories(('cat', ), categories(cat=1, CAT=2), 'f')


def test_absent_classes_keep_an_id_of_their_own():
    # 'lizard' has id 3 in the table, which the file gives to something else
    table = 'youtube_vis_2019'
    classes = ('person', 'lizard', 'parrot', 'robot')
    found = complete_label2cat({3: 0}, classes, table)
    assert found[0] == 3 and found[2] == 4
    assert len(set(found)) == 4 and min(found[1], found[3]) > 40
    assert complete_label2cat({5: 1}, ('a', 'b'), None) == [6, 5]
