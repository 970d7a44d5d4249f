"""Build the extension and put configs and tools into the package.

Everything declarative is in ``setup.cfg``. Two environment variables steer
the build of the compiled operators, which needs GCC or Clang:

- ``MMVIS_WITH_OPS``: 1 builds them or fails, 0 does not; unset builds them
  and installs without them if that fails. Without them the same is computed
  in plain torch.
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
OPS = osp.join('mmvis_plugin', 'ops')
CSRC = osp.join(OPS, 'csrc')
SOURCES = osp.join(CSRC, 'pytorch')
BUILD_HINT = 'MMVIS_WITH_OPS=1 makes that an error, pip -v shows the compiler'
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


def _say(text: str) -> None:
    """Write a line that stands out; pip shows it with ``-v``."""
    print(f'\n*** mmvis_plugin: {text} ***\n', file=sys.stderr, flush=True)


def _sources(folder: str, *suffixes: str) -> list:
    return [
        path for suffix in suffixes
        for path in glob(osp.join(SOURCES, folder, f'*{suffix}'))
    ]


def _extension() -> dict:
    """Return ``ext_modules`` and the build command, empty without ops."""
    wanted = os.environ.get('MMVIS_WITH_OPS', 'auto')
    if wanted == '0' or not _sources('', '.cpp'):
        return {}
    try:
        import torch
        from torch.utils.cpp_extension import (CUDA_HOME, BuildExtension,
                                               CppExtension, CUDAExtension)
    except ImportError:
        if wanted == '1':
            sys.exit('MMVIS_WITH_OPS=1 needs torch at build time; install '
                     'torch and add --no-build-isolation to the pip command')
        _say('operators NOT compiled, torch is not there at build time '
             '(--no-build-isolation); they will run in plain torch')
        return {}

    class BuildExt(BuildExtension):
        """Install without operators if they do not compile."""

        def build_extensions(self) -> None:
            try:
                super().build_extensions()
            except Exception as err:
                if wanted == '1':
                    raise
                for old in glob(osp.join(OPS, '_ext*.so')):
                    os.remove(old)  # of other sources
                _say(f'operators NOT compiled, they will run in plain torch; '
                     f'{BUILD_HINT}: {type(err).__name__}: {err}')

    with_cuda = (
        torch.cuda.is_available() or os.environ.get('FORCE_CUDA') == '1')
    if with_cuda and CUDA_HOME is None:
        _say('no nvcc: operators are compiled for the CPU only')
        with_cuda = False
    sources = _sources('', '.cpp') + _sources('cpu', '.cpp')
    if with_cuda:
        sources += _sources('cuda', '.cu')
    openmp = ['-fopenmp'] if sys.platform == 'linux' else []
    module = (CUDAExtension if with_cuda else CppExtension)(
        'mmvis_plugin.ops._ext',
        sorted(sources),
        depends=glob(osp.join(CSRC, '**', '*.*h'), recursive=True),
        include_dirs=[osp.join(ROOT, CSRC)],
        define_macros=[('MMVIS_WITH_CUDA', None)] if with_cuda else [],
        extra_compile_args=dict(cxx=['-O3', '-g0', *openmp], nvcc=['-O3']),
        extra_link_args=openmp,
        optional=wanted != '1')
    return dict(ext_modules=[module], cmdclass=dict(build_ext=BuildExt))


extension = _extension()
extension.setdefault('cmdclass', {}).update(build_py=BuildPy, develop=Develop)
setup(**extension)
