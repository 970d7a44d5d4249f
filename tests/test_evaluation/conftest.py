"""Golden cases of mask-tube AP."""
import gzip
import json
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / 'data' / 'metrics'


@pytest.fixture(scope='session')
def metric_data():
    """Return a function that reads a file of tests/data/metrics."""

    def read(name):
        path = DATA / name
        opened = gzip.open(path, 'rt') if path.suffix == '.gz' else open(path)
        with opened as file:
            return json.load(file)

    return read


@pytest.fixture(scope='session', params=['a', 'b'])
def ap_case(request, metric_data):
    """Return a case: gt, pred, expected."""
    return metric_data(f'ytvis_ap_{request.param}.json.gz')
