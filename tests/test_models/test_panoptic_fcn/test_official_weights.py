import pytest
import torch

from mmvis_plugin.datasets.class_tables import table_categories
from mmvis_plugin.datasets.panoptic_video_dataset import panoptic_metainfo
from mmvis_plugin.models.panoptic_fcn.official_weights import (
    SEMANTIC_ROWS, convert_official, order_semantic_rows, semantic_rows)
from mmvis_plugin.utils.errors import CheckpointError


@pytest.mark.parametrize('table', ['cityscapes_vps', 'viper', 'vipseg'])
def test_rows_follow_the_labels_of_the_data_set(table):
    categories = table_categories(table)
    by_id = [c['name'] for c in sorted(categories, key=lambda c: c['id'])]
    rows = semantic_rows(categories)
    assert tuple(by_id[row]
                 for row in rows) == panoptic_metainfo(categories)['classes']


def test_constants_are_no_weights_and_unknown_names_are_told():
    found = convert_official({
        'pixel_mean':
        torch.zeros(3, 1, 1),
        'kernel_head.out_conv.bias':
        torch.ones(2),
        'stuff_generator.embed_extractor.weight':
        torch.ones(4, 2, 1, 1),
        'aux.weight':
        torch.ones(1)
    })
    assert found.unknown == ['aux.weight']
    shapes = {k: tuple(v.shape) for k, v in found.weights.items()}
    assert shapes == {
        'panoptic_head.kernel_head.out_conv.bias': (2, ),
        'panoptic_head.stuff_embed.weight': (4, 2)
    }


def test_other_numbers_of_classes_are_refused():
    found = convert_official({'position_head.out_sem.bias': torch.arange(4.)})
    with pytest.raises(CheckpointError, match='has 4 classes, expected the 3'):
        order_semantic_rows(found, [dict(id=i, isthing=0) for i in range(3)])
    order_semantic_rows(found,
                        [dict(id=9 - i, isthing=i % 2) for i in range(4)])
    # ids 6, 7, 8, 9; things are 6 and 8
    assert found.weights[f'{SEMANTIC_ROWS}bias'].tolist() == [0, 2, 1, 3]
