"""Twelve videos, three of them broken, and what runs on them."""
import pytest

from mmvis_plugin.apis import VideoInferencer
from mmvis_plugin.apis.bulk import BulkInference, list_videos
from ...bulk_videos import write_videos
from ...spot_tracker import spot_config

COUNT = 12


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The videos; not to be changed."""
    path = tmp_path_factory.mktemp('bulk')
    write_videos(path, COUNT)
    return path


@pytest.fixture
def videos(folder):
    """The list of them."""
    return list_videos(str(folder))


@pytest.fixture
def bulk(videos, tmp_path):
    """Make a run into the same folder, as another process would."""

    def make(listed=None, **kwargs):
        kwargs.setdefault('show_progress', False)
        return BulkInference(
            lambda: VideoInferencer(spot_config(), device='cpu'), listed
            or videos, str(tmp_path), dict(weights='a'), **kwargs)

    return make
