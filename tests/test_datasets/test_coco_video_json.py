import pytest

from mmvis_plugin.datasets.annotation_checks import read_json
from mmvis_plugin.datasets.coco_video_json import parse_coco_video_json
from mmvis_plugin.datasets.vis_json import parse_vis_json
from mmvis_plugin.utils.errors import AnnotationError


def parse(vis, data):
    path = vis.write('coco.json', data)
    return parse_coco_video_json(read_json(path), path)


def test_both_forms_give_the_same_source(vis):
    path = vis.write()
    assert parse(vis,
                 vis.coco_video()) == parse_vis_json(read_json(path), path)


def test_images_may_stand_in_any_order(vis):
    data = vis.coco_video()
    expected = parse(vis, data)
    data['images'].reverse()
    found = parse(vis, data)
    assert found.videos == expected.videos


def test_ids_may_be_zero(vis):
    data = vis.coco_video()
    for ann in data['annotations']:
        ann['instance_id'] -= 1
    source = parse(vis, data)
    ids = {
        obj['instance_id']
        for video in source.videos
        for image in video['images']
        for obj in image['instances']
    }
    assert ids == {0, 1, 2, 3}


def spoil(kind, index, **changes):

    def apply(data):
        for key, value in changes.items():
            if value is KeyError:
                del data[kind][index][key]
            else:
                data[kind][index][key] = value

    return apply


BAD = [
    (spoil('videos', 1, id=1), 'videos[1] repeats video id 1, expected '
     'unique ids'),
    (spoil('images', 3, id=1), 'images[3] repeats image id 1, expected '
     'unique ids'),
    (spoil('images', 3, video_id=7), 'images[3] (id 4) belongs to video 7, '
     'which is not in videos'),
    (spoil('images', 3,
           file_name=KeyError), 'key images[3].file_name is missing'),
    (spoil('images', 3,
           frame_id=KeyError), 'key images[3].frame_id is missing'),
    (spoil('images', 3, frame_id=2), 'video 1 has images 3 and 4 with '
     'frame_id 2, expected one image per frame'),
    (spoil('images', 3, height=41), 'video 1 changes its frame size from '
     '(40, 60) to (41, 60) (height, width) at image 4; expected one size per '
     'video'),
    (spoil('images', 3, frame_id=-1), 'video 1: frames out of order, '
     'clip1/00000.png follows clip1/00015.png; expected ascending frame '
     'numbers'),
    (spoil('annotations', 2, id=1), 'annotations[2] repeats annotation id 1, '
     'expected unique ids'),
    (spoil('annotations', 2, image_id=77), 'annotations[2] (id 3) belongs to '
     'image 77, which is not in images'),
    (spoil('annotations', 2, category_id=77), 'unknown category 77 in '
     'annotations[2] (id 3)'),
    (spoil('annotations', 2,
           instance_id=KeyError), 'key annotations[2].instance_id is missing'),
    (spoil('annotations', 2, image_id=2), 'annotations[2] repeats (image id, '
     'instance id) (2, 1), expected unique ids'),
    (spoil('annotations', 2, segmentation=dict(size=[4, 6], counts=[24])),
     'annotation 3, image 3: RLE size [4, 6], expected the video size '
     '[40, 60] (height, width)'),
    (spoil('annotations', 2, video_id=2), 'annotation 3, image 3: video_id '
     'is 2, expected 1, the video of the image'),
    (spoil('annotations', 2, segmentation=None, bbox=None), 'annotation 3, '
     'image 3: neither segmentation nor bbox'),
    (spoil('images', 3, file_name=''), "images[3].file_name is '', expected "
     'a name or path of printable characters'),
]


@pytest.mark.parametrize('apply, message', BAD)
def test_bad_input_is_one_line_that_names_the_record(vis, apply, message):
    data = vis.coco_video()
    apply(data)
    with pytest.raises(AnnotationError) as error:
        parse(vis, data)
    assert str(error.value) == f'{vis.root / "coco.json"}: {message}'
