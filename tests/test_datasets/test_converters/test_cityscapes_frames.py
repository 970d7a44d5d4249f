import json
import shutil

import pytest

from mmvis_plugin.datasets.converters import link_cityscapes_frames


@pytest.fixture
def sequence(city, city_written, tmp_path):
    """Frames of Cityscapes as they are downloaded; lists of the release."""
    folder = tmp_path / 'leftImg8bit_sequence/val/shapes'
    folder.mkdir(parents=True)
    for path in (city_written / 'val/img_all').iterdir():
        words = path.stem.split('_')[2:5]
        shutil.copy(path, folder / f'{"_".join(words)}_leftImg8bit.png')
    every = json.loads(
        (city_written / 'im_all_info_val_city_vps.json').read_text())
    for i, image in enumerate(every['images']):
        words = image['file_name'].split('_')[2:5]
        image.update(
            id=30000 + i + 1, file_name=f'{"_".join(words)}_leftImg8bit.png')
    (city / 'im_all_info_val_city_vps.json').write_text(json.dumps(every))
    shutil.rmtree(city / 'val/img')
    return folder.parent


def test_names_of_the_release(city, city_written, sequence):
    assert link_cityscapes_frames(str(city), 'val', str(sequence)) == 36
    for path in (city_written / 'val/img').iterdir():
        assert (city / 'val/img' / path.name).read_bytes() == path.read_bytes()
    every = sorted((city / 'val/img_all').iterdir())
    assert len(every) == 30 and every[0].name.startswith('shapes_000000_0000')
    assert link_cityscapes_frames(str(city), 'val', str(sequence)) == 0
    # a link that leads nowhere is made anew
    every[0].unlink()
    every[0].symlink_to('nowhere')
    assert link_cityscapes_frames(str(city), 'val', str(sequence)) == 1


def test_training_needs_no_list_of_all_frames(city, sequence):
    with pytest.raises(
            FileNotFoundError,
            match='shapes_000000_000004_leftImg8bit.png: no such file; unp'):
        link_cityscapes_frames(str(city), 'train', str(sequence.parent))
    (city / 'im_all_info_val_city_vps.json').unlink()
    with pytest.raises(FileNotFoundError, match='im_all_info_val_city_vps'):
        link_cityscapes_frames(str(city), 'val', str(sequence))
