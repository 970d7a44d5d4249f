"""Configuration of the documentation."""
import os.path as osp
import runpy

_VERSION_FILE = osp.join(
    osp.dirname(__file__), '..', '..', 'mmvis_plugin', 'version.py')

project = 'mmvis_plugin'
copyright = 'mmvis_plugin contributors'
release = runpy.run_path(_VERSION_FILE)['__version__']
extensions = ['myst_parser', 'sphinx_copybutton']
html_theme = 'furo'
exclude_patterns = ['_build']
