"""Configuration of the documentation."""
import os.path as osp
import runpy

from mmcv.transforms.utils import cache_randomness

_VERSION_FILE = osp.join(
    osp.dirname(__file__), '..', '..', 'mmvis_plugin', 'version.py')

project = 'mmvis_plugin'
copyright = 'mmvis_plugin contributors'
release = runpy.run_path(_VERSION_FILE)['__version__']
extensions = [
    'myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon',
    'sphinx_copybutton'
]
html_theme = 'furo'
exclude_patterns = ['_build']
# links to headings of other pages
myst_heading_anchors = 3

# docstrings are Google's style, and those of mmdet and torch stay theirs
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ['Shape']
autodoc_inherit_docstrings = False
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'

# Methods that mmcv caches cannot be looked at on their class without this.
_bind = cache_randomness.__get__
cache_randomness.__get__ = (
    lambda self, obj, cls=None: self if obj is None else _bind(self, obj, cls))
