"""The repository keeps to its own layout."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'mmvis_plugin'
TESTS = ROOT / 'tests'
SOURCES = sorted(
    path for path in PACKAGE.rglob('*.py') if '.mim' not in path.parts)
TEST_FILES = sorted(TESTS.rglob('*.py'))
TOOLS = sorted((ROOT / 'tools').rglob('*.py'))
CONFIGS = sorted((ROOT / 'configs').rglob('*.py'))

# shared folders of mmvis_plugin/models are named after kinds; every other
# folder there holds one network
KINDS = {
    'backbones', 'layers', 'memory', 'association', 'losses', 'trackers',
    'task_modules'
}
SYSTEMS = {
    path.name
    for path in (PACKAGE / 'models').iterdir()
    if path.is_dir() and (path / '__init__.py').exists()
} - KINDS


def relative(path: Path) -> str:
    """Return a path as seen from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def num_lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text(encoding='utf-8').splitlines())


@pytest.mark.parametrize('files, limit', [(SOURCES + TOOLS, 450),
                                          (TEST_FILES, 300), (CONFIGS, 150)])
def test_files_are_short(files, limit):
    long = {relative(f): num_lines(f) for f in files if num_lines(f) > limit}
    assert not long, f'longer than {limit} lines'


def test_functions_are_short():
    long = {}
    for path in SOURCES + TOOLS + TEST_FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = code_lines(node)
                if body > 60:
                    long[f'{relative(path)}::{node.name}'] = body
    assert not long, 'longer than 60 lines without the docstring'


def code_lines(function: ast.FunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    total = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        text = function.body[0]
        total -= text.end_lineno - text.lineno + 1
    return total


def imported_modules(path: Path) -> set:
    """Return the dotted names of this package that a module imports."""
    own = path.relative_to(ROOT).with_suffix('').parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(own[:-node.level]) + '.' if node.level else ''
            module = (base + (node.module or '')).strip('.')
            names |= {module} | {f'{module}.{a.name}' for a in node.names}
    return names


def test_shared_folders_import_no_system_and_systems_no_other():
    wrong = []
    for path in SOURCES:
        parts = path.relative_to(PACKAGE).parts
        if parts[0] != 'models' or len(parts) < 3:
            continue
        for name in imported_modules(path):
            match = re.match(r'mmvis_plugin\.models\.(\w+)', name)
            if match and match[1] in SYSTEMS and match[1] != parts[1]:
                wrong.append(f'{relative(path)} imports {name}')
    assert not wrong


def test_only_models_import_systems():
    wrong = [
        f'{relative(path)} imports {name}' for path in SOURCES
        if path.relative_to(PACKAGE).parts[0] != 'models'
        for name in imported_modules(path)
        if re.match(rf'mmvis_plugin\.models\.({"|".join(SYSTEMS)})\b', name)
    ]
    assert not wrong


def test_of(module: Path) -> Path:
    """Return where the tests of a module belong."""
    parts = module.relative_to(PACKAGE).parts
    folders = [f'test_{part}' for part in parts[:-1]]
    return TESTS.joinpath(*folders, f'test_{parts[-1]}')


test_of.__test__ = False


def public_names(module: Path) -> list:
    """Return the stem of a module and what it defines in public."""
    tree = ast.parse(module.read_text(encoding='utf-8'))
    return [module.stem] + [
        node.name for node in tree.body if isinstance(node, (
            ast.ClassDef, ast.FunctionDef)) and not node.name.startswith('_')
    ]


def test_every_module_has_its_tests():
    tested = {module for module in SOURCES if test_of(module).exists()}
    tested |= {module for module in SOURCES if is_named_in_tests(module)}
    # a part may be tested through the module that is made of it
    parts = {name for module in tested for name in imported_modules(module)}
    missing = [
        f'{relative(module)}: {relative(test_of(module))}'
        for module in set(SOURCES) - tested
        if module.stem not in ('__init__', 'version') and '.'.join(
            module.relative_to(ROOT).with_suffix('').parts) not in parts
    ]
    assert not missing


def is_named_in_tests(module: Path) -> bool:
    """Tell whether a test file in the mirrored folder names a module."""
    names = re.compile(rf'\b({"|".join(public_names(module))})\b')
    return any(
        names.search(path.read_text(encoding='utf-8'))
        for path in test_of(module).parent.glob('test_*.py'))


def test_every_test_file_has_its_module():
    lost = []
    for path in TEST_FILES:
        parts = path.relative_to(TESTS).parts
        if not path.name.startswith('test_') or parts[0] == 'test_tools':
            continue
        folder = PACKAGE.joinpath(*(part[5:] for part in parts[:-1]))
        owners = {module.stem for module in folder.glob('*')}
        owners |= {folder.name, 'layout', 'configs', 'class_tables', 'docs'}
        if not any(path.stem[5:].startswith(name) for name in owners):
            lost.append(relative(path))
    assert not lost


def test_every_registered_class_is_in_a_config_or_a_test():
    texts = '\n'.join(
        path.read_text(encoding='utf-8') for path in CONFIGS + TEST_FILES)
    unused = [
        f'{relative(path)}: {node.name}' for path in SOURCES
        for node in ast.parse(path.read_text(encoding='utf-8')).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and any(
            'register_module' in ast.unparse(d) for d in node.decorator_list)
        and not re.search(rf'\b{node.name}\b', texts)
    ]
    assert not unused


def text_files():
    """Return every text file that belongs to the repository."""
    folders = [
        'mmvis_plugin', 'configs', 'tools', 'tests', 'docs', 'requirements',
        '.ci'
    ]
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in folders:
        files += [
            path for path in (ROOT / folder).rglob('*') if path.is_file()
            and '__pycache__' not in path.parts and '_build' not in path.parts
        ]
    suffixes = {
        '.py', '.md', '.sh', '.cfg', '.txt', '.yml', '.json', '.in', ''
    }
    # .git is a file in a worktree
    return [
        path for path in files
        if path.suffix in suffixes and path.name != '.git'
    ]


def test_no_paths_of_a_machine():
    machine = re.compile(r'(?<![\w.~/-])/(work|root|home|tmp|mnt|Users)/\w')
    found = []
    for path in text_files():
        text = path.read_text(encoding='utf-8', errors='replace')
        found += [
            f'{relative(path)}: {m.group()}' for m in machine.finditer(text)
        ]
    assert not found


def test_package_files_are_complete():
    for name in ('LICENSE', 'README.md', 'MANIFEST.in', 'setup.py',
                 'setup.cfg', 'Makefile', '.ci/run'):
        assert (ROOT / name).is_file(), name
