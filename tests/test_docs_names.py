"""Pages name classes that exist, and files that differ from a paper."""
import functools
import importlib.util
import re
from pathlib import Path

import pytest

from .test_docs import PAGES, ROOT, identifiers, name, read

# an operator of ONNX
ELSEWHERE = {'GridSample'}


@functools.lru_cache(maxsize=None)
def words_of_libraries():
    """Return all words of the libraries below the package."""
    return {
        word
        for library in ('mmdet', 'mmengine', 'mmcv')
        for folder in importlib.util.find_spec(
            library).submodule_search_locations
        for path in Path(folder).rglob('*.py')
        for word in re.findall(r'\b[A-Z]\w+', path.read_text('utf-8'))
    }


def test_what_differs_from_a_paper_is_on_a_page():
    pages = '\n'.join(map(read, (ROOT / 'docs/en/systems').glob('*.md')))
    files = [
        path for path in (ROOT / 'mmvis_plugin/models').rglob('*.py')
        if re.search(r'Differs\s+from\s+the', read(path))
    ]
    assert len(files) > 10
    assert not [path for path in files if f'{path.name}`' not in pages]


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_classes_that_are_named_exist(page):
    if page.stem in ('migration_from_mmtracking', 'changelog'):
        pytest.skip('names classes of other packages and of other times')
    text = re.sub(r'```.*?```', '', read(page), flags=re.DOTALL)
    named = {
        word
        for code in re.findall(r'`([^`\n]+)`', text)
        for word in re.findall(r'\b[A-Z](?=\w*[a-z])\w*[A-Z]\w*\b', code)
    }
    unknown = named - identifiers() - words_of_libraries()
    assert not {word for word in unknown - ELSEWHERE if '_' not in word}
