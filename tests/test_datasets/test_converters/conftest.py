"""Downloads of the panoptic benchmarks, made from MovingShapes."""
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_cityscapes_vps,
                                                     write_vipseg)

NUM_SHAPES = 8
# label ids of VIPER for the labels of the generator; animal, bicycle, trailer
# and railtrack are no classes of the benchmark
VIPER_THINGS = (13, 16, 17, 20, 24, 27, 21, 22)
VIPER_STUFF = (2, 9, 7, 8, 5, 3)


@pytest.fixture(scope='session')
def shapes_cfg():
    """A small configuration in which every kind of region occurs."""
    return get_cfg(
        'micro',
        num_train=2,
        num_val=1,
        num_frames=5,
        classes=8,
        objects=(3, 4),
        p_crowd=1.,
        stuff=6,
        void='strip')


@pytest.fixture(scope='session')
def shapes_maps(shapes_cfg):
    """Return a function that gives labels, objects and crowds of a frame."""
    videos = {}

    def maps(cfg, split, index, t):
        key = split, index, cfg.num_frames
        if key not in videos:
            videos[key] = generate_video(cfg, split, index)
        video = videos[key]
        crowds = [o.object_id for o in video.objects if o.iscrowd]
        objects = video.id_maps[t].astype(int)
        return video.label_maps[t].astype(int), objects, np.isin(
            objects, crowds)

    return maps


@pytest.fixture(scope='session')
def city_written(shapes_cfg, tmp_path_factory):
    """A Cityscapes-VPS tree with all derived files."""
    root = tmp_path_factory.mktemp('written') / 'city'
    write_cityscapes_vps(str(root), shapes_cfg)
    return root


@pytest.fixture(scope='session')
def city_release(city_written, tmp_path_factory):
    """What the release has: images lists, colours and instances."""
    root = tmp_path_factory.mktemp('release') / 'city'
    for split in ('train', 'val'):
        for kind in ('cls', 'inst', 'img'):
            shutil.copytree(city_written / split / kind, root / split / kind)
        name = f'panoptic_im_{split}_city_vps.json'
        shutil.copy(city_written / name, root / name)
        for path in (root / split / 'inst').glob('*_gtFine_color.png'):
            path.rename(
                path.with_name(path.name.replace('_color', '_instanceIds')))
        # the fine labels of Cityscapes have an alpha channel
        for path in (root / split / 'cls').glob('*_gtFine_color.png'):
            Image.open(path).convert('RGBA').save(path)
    return root


@pytest.fixture
def city(city_release, tmp_path):
    """A release of one's own."""
    return shutil.copytree(city_release, tmp_path / 'city')


@pytest.fixture(scope='session')
def viper_download(shapes_cfg, shapes_maps, tmp_path_factory):
    """VIPER with a folder per sequence (train) and without (val)."""
    root = tmp_path_factory.mktemp('viper') / 'viper'
    labels = load_table('viper')['all_labels']
    palette = np.zeros((256, 3), dtype=np.uint8)
    palette[[c['id'] for c in labels]] = [c['color'] for c in labels]
    lut = np.zeros(256, dtype=np.uint8)
    lut[:NUM_SHAPES + len(VIPER_STUFF)] = VIPER_THINGS + VIPER_STUFF
    for split, number in (('train', 2), ('val', 1)):
        for index in range(number):
            for t in range(shapes_cfg.num_frames):
                label, objects, crowd = shapes_maps(shapes_cfg, split, index,
                                                    t)
                cls = lut[label]
                # numbers that need both channels; crowds have none
                numbers = np.where(crowd | (objects == 0), 0,
                                   objects + 300 * (objects % 2 == 1) + 900)
                inst = np.stack([cls, numbers >> 8, numbers & 255], axis=-1)
                name = f'{index + 7:03d}_{t + 1:05d}'
                folder = name[:3] if split == 'train' else ''
                pictures = dict(
                    cls=Image.fromarray(cls),
                    inst=Image.fromarray(inst.astype(np.uint8)))
                pictures['cls'].putpalette(palette.ravel().tolist())
                for kind, picture in pictures.items():
                    path = root / split / kind / folder / f'{name}.png'
                    path.parent.mkdir(parents=True, exist_ok=True)
                    picture.save(path)
                ending = 'jpg' if split == 'train' else 'png'
                path = root / split / 'img' / folder / f'{name}.{ending}'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(inst.astype(np.uint8)).save(path)
    return root


@pytest.fixture
def viper(viper_download, tmp_path):
    """A download of one's own."""
    return shutil.copytree(viper_download, tmp_path / 'viper')


@pytest.fixture(scope='session')
def vipseg_written(shapes_cfg, tmp_path_factory):
    """A VIPSeg tree with all derived files."""
    root = tmp_path_factory.mktemp('written') / 'vipseg'
    write_vipseg(str(root), shapes_cfg)
    return root


@pytest.fixture(scope='session')
def vipseg_download(vipseg_written, tmp_path_factory):
    """What is downloaded: images, masks and lists."""
    root = tmp_path_factory.mktemp('vipseg') / 'vipseg'
    shutil.copytree(vipseg_written / 'images', root / 'imgs')
    shutil.copytree(vipseg_written / 'panomasks', root / 'panomasks')
    # without a last end of line, with ends of lines of Windows
    (root / 'train.txt').write_bytes(b'train_0000\r\ntrain_0001')
    (root / 'val.txt').write_text('val_0000\n\n')
    return root


@pytest.fixture
def vipseg(vipseg_download, tmp_path):
    """A download of one's own."""
    return shutil.copytree(vipseg_download, tmp_path / 'vipseg')


@pytest.fixture(scope='session')
def read_json():
    """Return a function that reads JSON."""
    return lambda path: json.loads(path.read_text())


@pytest.fixture(scope='session')
def snapshot():
    """Return a function that gives all files below a folder."""

    def read(root):
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob('*')) if path.is_file()
        }

    return read
