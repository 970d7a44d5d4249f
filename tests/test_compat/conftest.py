"""Data of the tests of other packages' vocabularies."""
import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """Write two and one videos of four frames in the form of YouTube-VIS."""
    folder = tmp_path_factory.mktemp('shapes') / 'vis'
    cfg = get_cfg(
        'micro', num_frames=4, num_train=2, num_val=1, p_late=0., p_exit=0.)
    write_youtube_vis(str(folder), cfg)
    return folder
