"""Classes that the pages name are those of the package or its libraries."""
import functools
import importlib.util
import re
from pathlib import Path

import pytest

from .test_docs import PAGES, identifiers, name, read

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
