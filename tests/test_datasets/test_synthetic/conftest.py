import pytest

from mmvis_plugin.datasets.synthetic import get_cfg


@pytest.fixture(scope='session')
def rich_cfg():
    """A small configuration in which every kind of region occurs."""
    return get_cfg(
        'micro',
        num_train=2,
        num_val=1,
        num_frames=8,
        classes=8,
        objects=(3, 4),
        p_twin=1.,
        p_cross=1.,
        p_crowd=1.,
        p_occlude=1.,
        stuff=6,
        void='strip')
