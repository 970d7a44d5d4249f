"""Settings of the whole test run."""
import os

# Two test processes with as many threads as cores each would wait for one
# another; has to be set before torch is imported.
for _name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

import cv2  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402

from mmvis_plugin.utils.seeding import seed_process  # noqa: E402

cv2.setNumThreads(0)
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def mmdet_scope():
    """Start every test in mmdet's scope; a runner may leave another."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture(autouse=True)
def seed():
    """Start every test with the same random numbers."""
    seed_process(0)
