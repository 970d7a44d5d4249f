"""Configuration of the documentation."""
import os.path as osp
import runpy

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
