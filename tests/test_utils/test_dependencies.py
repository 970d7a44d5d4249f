"""A broken stack is named in one line with the command that mends it."""
import subprocess
import sys
import textwrap

import pytest

from mmvis_plugin.utils.dependencies import (REQUIREMENTS, check_dependencies,
                                             version_tuple)


def import_package(prelude: str) -> str:
    """Import the package in a new process; return its last line."""
    code = textwrap.dedent(prelude) + '\nimport mmvis_plugin'
    done = subprocess.run([sys.executable, '-c', code],
                          capture_output=True,
                          text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError: mmvis_plugin needs ')
    return last


STUBS = '''
    import sys, types
    def stub(name, version):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__version__ = version
    stub('torch', '2.13.0'); stub('mmengine', '0.10.12')
    stub('mmcv', '2.3.6'); stub('mmcv._ext', ''); stub('mmdet', '3.5.1')
'''


@pytest.mark.parametrize('name, install', [
    ('torch', 'pip install torch'),
    ('mmengine', 'pip install onedl-mmengine'),
    ('mmcv', 'pip install --no-build-isolation onedl-mmcv'),
    ('mmdet', 'pip install onedl-mmdetection'),
])
def test_missing_library(name, install):
    line = import_package(STUBS + f'\n    sys.modules["{name}"] = None')
    assert f'needs {name} >= ' in line and install in line


def test_mmcv_without_operators():
    line = import_package(STUBS + '\n    sys.modules["mmcv._ext"] = None')
    assert 'needs mmcv with compiled ops' in line
    assert '--no-build-isolation' in line and '--force-reinstall' in line


@pytest.mark.parametrize('name, version', [
    ('torch', '2.0.1+cu118'),
    ('mmengine', '0.9.1'),
    ('mmcv', '2.0.1'),
    ('mmdet', '3.2.0'),
])
def test_old_library(name, version):
    line = import_package(STUBS + f'\n    stub("{name}", "{version}")')
    assert f'needs {name} >= ' in line and f'found {version}' in line
    assert '--upgrade' in line


def test_no_upper_bound(monkeypatch):
    for requirement in REQUIREMENTS:
        module = sys.modules[requirement.module]
        monkeypatch.setattr(module, '__version__', '99.0')
    check_dependencies()


@pytest.mark.parametrize('text, numbers', [
    ('2.13.0+cpu', (2, 13, 0)),
    ('0.10', (0, 10, 0)),
    ('3.5.1rc1', (3, 5, 1)),
    ('1.2.3.4', (1, 2, 3, 4)),
    ('unknown', (0, 0, 0)),
])
def test_version_tuple(text, numbers):
    assert version_tuple(text) == numbers


def test_import_says_nothing():
    done = subprocess.run([sys.executable, '-c', 'import mmvis_plugin'],
                          capture_output=True,
                          text=True)
    assert done.returncode == 0
    assert done.stdout == ''
    assert 'faster_coco_eval' not in done.stderr
