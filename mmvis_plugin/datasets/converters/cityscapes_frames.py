"""The frames of Cityscapes as Cityscapes-VPS names them."""
import os
import os.path as osp

from mmvis_plugin.utils.whole_file import whole_file
from ..annotation_checks import read_json, require


def link_cityscapes_frames(root: str, split: str, source: str) -> int:
    """Link the frames of Cityscapes under the names of the release.

    ``img`` gets the labelled frames, ``img_all`` (not for 'train') all.

    Args:
        root (str): Folder of the release.
        split (str): 'train', 'val' or 'test'.
        source (str): Folder ``leftImg8bit_sequence/val`` of Cityscapes, from
            which all three splits are taken.

    Returns:
        int: Number of new links.

    Raises:
        FileNotFoundError: If a frame is missing.
    """
    jobs = []
    lists = [('img', f'panoptic_im_{split}_city_vps.json')]
    if split != 'train':
        lists.append(('img_all', f'im_all_info_{split}_city_vps.json'))
    for folder, name in lists:
        path = osp.join(root, name)
        images = require(read_json(path), 'images', path, types=list)
        for i, image in enumerate(images):
            name = require(image, 'file_name', path, f'images[{i}]', str)
            words = name.rsplit('_', 1)[0].split('_')[-3:]
            target = osp.join(root, split, folder, name)
            jobs.append(
                (osp.join(source, words[0],
                          '_'.join(words) + '_leftImg8bit.png'), target))
    made = 0
    for frame, target in jobs:
        if not osp.exists(frame):
            raise FileNotFoundError(
                f'{frame}: no such file; unpack leftImg8bit_sequence of '
                'Cityscapes and give its folder val')
        if not osp.exists(target):
            _link(osp.abspath(frame), target)
            made += 1
    return made


def _link(source: str, target: str) -> None:
    with whole_file(target) as unfinished:
        os.symlink(source, unfinished)
