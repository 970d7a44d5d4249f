import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from mmvis_plugin.models.task_modules import PaddedGT


def make_clip(*frames, box_type=torch.Tensor):
    """One clip; a frame is ((height, width), [(id, label, box), ...])."""
    samples = []
    for shape, objects in frames:
        ids = [obj[0] for obj in objects]
        labels = [obj[1] for obj in objects]
        boxes = torch.tensor([obj[2] for obj in objects]).view(-1, 4).float()
        sample = DetDataSample(metainfo=dict(img_shape=shape))
        sample.gt_instances = InstanceData(
            instances_ids=torch.tensor(ids).long(),
            labels=torch.tensor(labels).long(),
            bboxes=boxes if box_type is torch.Tensor else box_type(boxes))
        samples.append(sample)
    clip = TrackDataSample()
    clip.video_data_samples = samples
    return clip


BOX_A, BOX_B, BOX_C = [1, 2, 3, 4], [5, 6, 7, 8], [0, 1, 9, 9]


@pytest.mark.parametrize('box_type', [torch.Tensor, HorizontalBoxes])
def test_objects_keep_their_order_and_padding_is_marked(box_type):
    clips = [
        make_clip(((48, 64), [(7, 2, BOX_A), (3, 0, BOX_B)]), ((48, 64), []),
                  box_type=box_type),
        make_clip(((32, 40, 3), []), ((30, 40, 3), [(1 << 40, 1, BOX_C)]),
                  box_type=box_type),
    ]
    gt = PaddedGT.from_samples(clips, 'cpu')
    assert gt.ids.tolist() == [[[7, 3], [-1, -1]], [[-1, -1], [1 << 40, -1]]]
    assert gt.valid.tolist() == [[[True, True], [False, False]],
                                 [[False, False], [True, False]]]
    assert gt.labels.tolist() == [[[2, 0], [0, 0]], [[0, 0], [1, 0]]]
    none = [0, 0, 0, 0]
    assert gt.boxes.tolist() == [[[BOX_A, BOX_B], [none, none]],
                                 [[none, none], [BOX_C, none]]]
    assert gt.whwh.tolist() == [[[64, 48, 64, 48], [64, 48, 64, 48]],
                                [[40, 32, 40, 32], [40, 30, 40, 30]]]


def test_no_object_at_all_leaves_one_padded_column():
    gt = PaddedGT.from_samples([make_clip(((8, 8), []), ((8, 8), []))], 'cpu')
    assert gt.valid.tolist() == [[[False], [False]]]
    assert gt.ids.tolist() == [[[-1], [-1]]]
    assert gt.labels.shape == (1, 2, 1) and gt.labels.dtype == torch.long
    assert gt.boxes.shape == (1, 2, 1, 4) and gt.boxes.dtype == torch.float


def test_clips_of_different_length_are_refused():
    clips = [make_clip(((8, 8), [])), make_clip(((8, 8), []), ((8, 8), []))]
    with pytest.raises(ValueError, match=r'clips of a batch have \[1, 2\]'):
        PaddedGT.from_samples(clips, 'cpu')
