"""Build the extension and put configs and tools into the package.

Everything declarative is in ``setup.cfg``. Two environment variables steer
the build of the compiled operators:

- ``MMVIS_WITH_OPS``: 1 builds them, 0 does not; unset builds them where
  their sources and torch are present. Without them the torch path is used.
- ``FORCE_CUDA``: 1 compiles the CUDA kernels on a machine without a GPU.
"""
import os
import os.path as osp
import shutil
import sys
from glob import glob

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

ROOT = osp.dirname(osp.abspath(__file__))
SOURCES = osp.join('mmvis_plugin', 'ops', 'csrc', 'pytorch')
MIM_FILES = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def _copy_to_mim(package_dir: str, link: bool) -> None:
    """Mirror the files that mim looks for into ``<package>/.mim``."""
    mim_dir = osp.join(package_dir, '.mim')
    shutil.rmtree(mim_dir, ignore_errors=True)
    os.makedirs(mim_dir)
    for name in MIM_FILES:
        source, target = osp.join(ROOT, name), osp.join(mim_dir, name)
        if not osp.exists(source):
            continue
        if link:
            os.symlink(osp.relpath(source, mim_dir), target)
        elif osp.isdir(source):
            ignore = shutil.ignore_patterns('__pycache__')
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copyfile(source, target)


class BuildPy(build_py):
    """Add ``.mim``: copies in a wheel, links in an editable install."""

    def run(self) -> None:
        super().run()
        if getattr(self, 'editable_mode', False):
            _copy_to_mim(osp.join(ROOT, 'mmvis_plugin'), link=True)
        else:
            _copy_to_mim(osp.join(self.build_lib, 'mmvis_plugin'), link=False)


class Develop(develop):
    """The editable install of old pip versions."""

    def run(self) -> None:
        super().run()
        _copy_to_mim(osp.join(ROOT, 'mmvis_plugin'), link=True)


def _extension() -> dict:
    """Return ``ext_modules`` and the build command, empty without ops."""
    wanted = os.environ.get('MMVIS_WITH_OPS', 'auto')
    sources = glob(osp.join(SOURCES, '*.cpp')) + glob(
        osp.join(SOURCES, 'cpu', '*.cpp'))
    if wanted == '0' or (wanted == 'auto' and not sources):
        return {}
    if not sources:
        sys.exit(f'MMVIS_WITH_OPS=1, but {SOURCES} holds no sources; unset '
                 'it to install without compiled operators')
    try:
        import torch
        from torch.utils.cpp_extension import (BuildExtension, CppExtension,
                                               CUDAExtension)
    except ImportError:
        if wanted == 'auto':
            return {}
        sys.exit('MMVIS_WITH_OPS=1 needs torch at build time; install torch '
                 'and add --no-build-isolation to the pip command')
    kind, macros = CppExtension, []
    if torch.cuda.is_available() or os.environ.get('FORCE_CUDA') == '1':
        kind, macros = CUDAExtension, [('MMVIS_WITH_CUDA', None)]
        sources += glob(osp.join(SOURCES, 'cuda', '*.cpp'))
        sources += glob(osp.join(SOURCES, 'cuda', '*.cu'))
    module = kind(
        'mmvis_plugin.ops._ext',
        sorted(sources),
        include_dirs=[osp.join(ROOT, 'mmvis_plugin', 'ops', 'csrc')],
        define_macros=macros,
        extra_compile_args=dict(cxx=['-O3', '-std=c++17']))
    return dict(
        ext_modules=[module],
        cmdclass=dict(build_ext=BuildExtension.with_options(use_ninja=True)))


extension = _extension()
extension.setdefault('cmdclass', {}).update(build_py=BuildPy, develop=Develop)
setup(**extension)
