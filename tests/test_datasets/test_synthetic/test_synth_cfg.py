from dataclasses import FrozenInstanceError

import pytest

from mmvis_plugin.datasets.synthetic import (PROFILES, SHAPES, STUFF, SynthCfg,
                                             get_cfg)


@pytest.mark.parametrize('name, size, frames, videos, objects, classes, twin',
                         [('micro', (64, 96), 6, (4, 2), (2, 3), 3, 0.),
                          ('tiny', (96, 160), 12, (24, 8), (3, 5), 4, .3),
                          ('small', (192, 320), 20, (80, 20), (3, 7), 8, .5),
                          ('hard', (192, 320), 40, (40, 20), (6, 12), 8, .8)])
def test_profiles(name, size, frames, videos, objects, classes, twin):
    cfg = get_cfg(name)
    assert cfg.profile == name
    assert (cfg.height, cfg.width) == size
    assert cfg.num_frames == frames
    assert (cfg.num_videos('train'), cfg.num_videos('val')) == videos
    assert cfg.objects == objects
    assert cfg.class_names == SHAPES[:classes]
    assert cfg.p_twin == twin


def test_hard_is_faster_and_hides_more_than_small():
    small, hard = get_cfg('small'), get_cfg('hard')
    assert hard.speed == 2 * small.speed
    assert (hard.p_return, hard.p_occlude) == (0.4, 0.5)


def test_eight_shapes_and_six_kinds_of_stuff():
    assert len(set(SHAPES)) == 8 and len(set(STUFF)) == 6
    assert set(PROFILES) == {'micro', 'tiny', 'small', 'hard'}


def test_overrides_replace_fields_only_in_the_copy():
    cfg = get_cfg('micro', seed=7, objects=[1, 2])
    assert (cfg.seed, cfg.objects, cfg.height) == (7, (1, 2), 64)
    assert get_cfg('micro').seed == 0
    with pytest.raises(FrozenInstanceError):
        cfg.seed = 1


@pytest.mark.parametrize('override', [
    dict(seed=-1),
    dict(height=16),
    dict(num_frames=2),
    dict(objects=(3, 2)),
    dict(objects=(0, 2)),
    dict(classes=9),
    dict(stuff=0),
    dict(void='holes'),
    dict(p_twin=1.1),
    dict(label_stride=0),
    dict(image_format='bmp'),
    dict(classes='many'),
    dict(classes=True),
    dict(height=96.),
    dict(objects=3),
    dict(objects=(1, 2.5)),
    dict(noise='loud'),
    dict(blur=1),
])
def test_out_of_range_names_the_field(override):
    (name, ) = override
    with pytest.raises(ValueError, match=f'SynthCfg.{name}'):
        get_cfg('micro', **override)


def test_unknown_names_are_errors():
    with pytest.raises(ValueError, match="unknown profile 'huge'"):
        get_cfg('huge')
    with pytest.raises(ValueError, match="unknown keys .'hight'."):
        get_cfg('tiny', hight=3)
    with pytest.raises(ValueError, match="unknown split 'test'"):
        SynthCfg().num_videos('test')
