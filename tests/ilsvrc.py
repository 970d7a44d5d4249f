"""MovingShapes in the form of ImageNet VID and DET: XML trees."""
from xml.etree import ElementTree

import numpy as np

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.writers.common import (mask_to_box,
                                                            write_image)

CATEGORIES = load_table('imagenet_vid')['categories']
CFG = get_cfg('micro', num_frames=6, p_late=.5, p_exit=.5)


def add_fields(node, fields):
    """Append JSON to an XML node: dicts nest, lists repeat the key."""
    for key, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            child = ElementTree.SubElement(node, str(key))
            if isinstance(item, dict):
                add_fields(child, item)
            elif item is not None:
                child.text = str(item)


def to_xml(fields):
    """Return the text of ``<annotation>`` with some fields."""
    root = ElementTree.Element('annotation')
    add_fields(root, fields)
    return ElementTree.tostring(root, encoding='unicode')


def xml_fields(objects, height=40, width=60):
    """Return the fields of a frame.

    Args:
        objects (list[tuple]): Track id or None, WordNet id and box (x, y, w,
            h) of each object.
    """
    nodes = []
    for track, wnid, (x, y, w, h) in objects:
        corners = dict(xmax=x + w, xmin=x, ymax=y + h, ymin=y)
        node = dict(name=wnid, bndbox=corners)
        if track is not None:
            node.update(trackid=track, occluded=0, generated=1)
        nodes.append(node)
    return dict(size=dict(width=width, height=height), object=nodes)


def frame_objects(video, t, tracks=True):
    """Return what :func:`xml_fields` takes, of one frame; ids from 0."""
    found = []
    for card in video.objects:
        mask = video.id_maps[t] == card.object_id
        if mask.any():
            found.append((card.object_id - 1 if tracks else None,
                          CATEGORIES[card.label]['wnid'], mask_to_box(mask)))
    return found


def write_frame(root, kind, name, image, objects):
    """Write one image and its XML."""
    height, width = image.shape[:2]
    write_image(root / 'Data' / kind / f'{name}.jpg', image)
    path = root / 'Data' / kind / f'{name}.jpg'
    path.rename(path.with_suffix('.JPEG'))
    xml = root / 'Annotations' / kind / f'{name}.xml'
    xml.parent.mkdir(parents=True, exist_ok=True)
    xml.write_text(to_xml(xml_fields(objects, height, width)))


def write_ilsvrc(root):
    """Write two training and one validation video, three stills, lists.

    The training list names frames 1, 3 and 6; the list counts from 1.

    Returns:
        dict[str, SynthVideo]: Name below ``Annotations/VID`` to video.
    """
    videos, lists = {}, dict(train=[], val=[])
    for split, index in (('train', 0), ('train', 1), ('val', 0)):
        video = generate_video(CFG, split, index)
        folder = 'ILSVRC2015_VID_train_0000/' if split == 'train' else ''
        name = f'{split}/{folder}ILSVRC2015_{split}_{index:08d}'
        videos[name] = video
        for t, image in enumerate(video.frames):
            write_frame(root, 'VID', f'{name}/{t:06d}', image,
                        frame_objects(video, t))
        rows = [(1, n, 6) for n in (6, 1, 3)]
        rows = rows if split == 'train' else [(1, 0, 6)]
        lists[split] += [f'{name} {a} {b} {c}' for a, b, c in rows]
    first = next(iter(videos.values()))
    for t in range(2):
        write_frame(root, 'DET', f'train/extra/n0_{t}', first.frames[t],
                    frame_objects(first, t, tracks=False))
    write_frame(root, 'DET', 'train/extra/n0_2', np.zeros(
        (40, 60, 3), np.uint8), [(None, 'n00007846', (1, 2, 30, 20))])
    (root / 'Lists').mkdir()
    for name, lines in (('VID_train_15frames',
                         lists['train']), ('VID_val_videos', lists['val']),
                        ('DET_train_30classes',
                         [f'train/extra/n0_{t} 1' for t in range(3)])):
        (root / 'Lists' / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    return videos
