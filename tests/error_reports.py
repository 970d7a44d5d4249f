"""Run the tool that reports errors, and read its page."""
import json
import re
import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / 'tools'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
test_dataloader = dict(dataset=dict(
    data_root='{root}', test_mode=True, pipeline=[], {dataset}))
test_evaluator = {metrics}
"""


def run(tool, *words):
    """Run a tool as from the command line."""
    path = TOOLS / tool
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [str(path), *map(str, words)])
        patch.syspath_prepend(str(path.parent))
        runpy.run_path(str(path), run_name='__main__')


def write_config(folder, root, dataset, metrics):
    path = folder / 'own.py'
    path.write_text(CONFIG.format(root=root, dataset=dataset, metrics=metrics))
    return path


def content(page, name='data'):
    """Return the JSON of an element of the page."""
    found = re.search(
        f'<script type="application/json" id="{name}">(.*?)</script>', page,
        re.DOTALL)
    return found and json.loads(found[1])
