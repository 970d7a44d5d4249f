"""Report the versions that matter for a question or a bug report."""
from importlib import metadata
from typing import Dict

from mmengine.utils.dl_utils import collect_env as collect_base_env

from mmvis_plugin.ops.ext_loader import BUILD_COMMAND, ext_devices

# Import name -> distributions that may provide it.
_PROVIDERS = {
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'pycocotools': ('pycocotools', ),
    'numpy': ('numpy', ),
    'scipy': ('scipy', ),
    'av (optional)': ('av', ),
}


def collect_env() -> Dict[str, str]:
    """Collect machine, compilers, libraries and compiled operators.

    Returns:
        dict: One short text per line of a report.
    """
    import mmvis_plugin
    env = {key: str(value) for key, value in collect_base_env().items()}
    for name, candidates in _PROVIDERS.items():
        env[name] = ', '.join(
            f'{candidate} {version}' for candidate in candidates
            if (version := _version(candidate))) or 'not installed'
    env['mmvis_plugin'] = mmvis_plugin.__version__
    env['mmvis_plugin operators'] = _operators()
    return env


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ''


def _operators() -> str:
    devices = ext_devices()
    if devices:
        return f'compiled for {", ".join(devices)}'
    return f'not compiled, torch path in use; build with {BUILD_COMMAND}'


if __name__ == '__main__':
    for line in collect_env().items():
        print('{}: {}'.format(*line))
