"""Commands, files, keys and links of the documentation exist."""
import functools
import importlib.util
import inspect
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmvis_plugin import registry
from mmvis_plugin.utils.model_names import find_model

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs/en'
PAGES = sorted(page for page in [
    *DOCS.rglob('*.md'), *ROOT.glob('configs/*/README.md'), ROOT /
    'configs/README.md', ROOT / 'README.md'
] if '_build' not in page.parts)
# programs that no test runs
OTHERS = {'pip', 'git', 'cd', 'export', 'source', 'mim', 'for', 'do', 'done'}


def read(page):
    """Return the text of a page."""
    return page.read_text(encoding='utf-8')


def name(page):
    """Return a page as seen from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def command_lines():
    """Return (page, line) of every command that the pages print."""
    for page in PAGES:
        for block in re.findall(r'```bash\n(.*?)```', read(page), re.DOTALL):
            for line in block.replace('\\\n', ' ').splitlines():
                if shlex.split(line, comments=True):
                    yield name(page), line.strip()


def words_of(line):
    """Return the words of a line without marks of what may be left out."""
    line = re.sub(r'\$\{?\w+\}?', '*', line)
    # there may be no GPU here
    words = shlex.split(re.sub(r'\bcuda\b', 'cpu', line), comments=True)
    while words and re.fullmatch(r'\w+=.*', words[0]):
        words.pop(0)  # an environment variable
    plain = []
    for word in words:
        if re.fullmatch(r'\[[a-z ]+\]', word):
            continue  # stands for any options
        if word.startswith('[') or word.count(']') > word.count('['):
            word = word.strip('[]')
        plain.append(word)
    return plain


def find_script(words):
    """Return the first word that is a Python file."""
    return next(word for word in words if word.endswith('.py'))


def as_tool(words):
    """Return the Python tool behind a line and its words, or None."""
    if words[0] in ('srun', 'torchrun'):
        words = ['python', *words[words.index(find_script(words)):]]
    program, *rest = words
    if program == 'bash':
        program, *rest = rest
    if program in ('python', 'python3'):
        return None if rest[0].startswith('-') else (rest[0], rest[1:])
    if not program.endswith('.sh'):
        return None
    if not re.search(r'(dist|slurm)_\w+\.sh', program):
        return program, rest
    tool = 'tools/train.py' if 'train' in program else 'tools/test.py'
    if 'slurm' in program:
        config, place, *rest = rest[2:]
        extra = ['--work-dir', place] if 'train' in program else [place]
        return tool, [config, *extra, *rest]
    gpus = next(i for i, word in enumerate(rest)
                if re.fullmatch(r'\d+|GPUS', word))
    return tool, rest[:gpus] + rest[gpus + 1:]


@functools.lru_cache(maxsize=None)
def load_tool(path):
    """Import a tool as a script does."""
    sys.path.insert(0, str((ROOT / path).parent))
    try:
        return runpy.run_path(str(ROOT / path))
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize('page', sorted({p for p, _ in command_lines()}))
def test_commands_are_understood(page, monkeypatch, capsys):
    wrong = []
    for _, line in filter(lambda item: item[0] == page, command_lines()):
        problem = problem_of(words_of(line), monkeypatch)
        if problem:
            wrong.append(f'{line}: {problem} {capsys.readouterr().err[-200:]}')
    assert not wrong, '\n'.join(wrong)


def problem_of(words, monkeypatch):
    """Return what is wrong with a command, or None."""
    absent = [
        word for word in words
        if re.match(r'(configs|tools|requirements|docs|tests)/\S+$', word)
        and not any(ROOT.glob(word)) and not (ROOT / word).parent.is_symlink()
    ]
    if absent:
        return f'no such file: {absent}'
    tool = as_tool(words)
    if tool is None:
        if words[0] == 'sbatch':
            job = words[words.index('--wrap') + 1]
            return problem_of(words_of(job), monkeypatch)
        return problem_of_program(words)
    path, rest = tool
    if not (ROOT / path).is_file():
        return f'no such tool: {path}'
    if path.endswith('.py'):
        monkeypatch.setattr(sys, 'argv', [path, *rest])
        try:
            load_tool(path)['parse_args']()
        except SystemExit:
            return 'the tool does not take it:'
    return problem_of_keys(rest)


def problem_of_program(words):
    """Look at commands that are no tools of this repository."""
    if words[0] == 'make':
        # targets, and the variables that one may set
        known = re.findall(r'^([\w-]+(?= \?=|:))', read(ROOT / 'Makefile'),
                           re.M)
        asked = {word.split('=')[0] for word in words[1:]}
        return None if asked <= set(known) else 'no such target'
    if words[:2] == ['python', '-m']:
        if words[2].startswith('mmvis_plugin') and not importlib.util.\
                find_spec(words[2]):
            return 'no such module'
        return None
    return None if words[0] in OTHERS else f'unknown program {words[0]}'


def problem_of_keys(words):
    """Look for names of models, and for keys in the config of a line."""
    for word in words:
        if re.fullmatch(r'[a-z][\w-]*_r\d+_[\w-]+', word):
            find_model(word)
    configs = [w for w in words if re.fullmatch(r'configs/[^*]+\.py', w)]
    if '--cfg-options' not in words or len(configs) != 1:
        return None
    cfg = Config.fromfile(ROOT / configs[0])
    options = words[words.index('--cfg-options') + 1:]
    keys = dict(w.split('=', 1) for w in options if re.match(r'[\w.]+=', w))
    wrong = [key for key in keys if not accepts(cfg, key, keys)]
    return f'no such keys: {wrong}' if wrong else None


def accepts(cfg, key, others):
    """Tell whether a key is in a config, or its class takes it.

    The class may be another one by one of the other keys.
    """
    *parents, last = key.split('.')
    for parent in parents:
        try:
            cfg = cfg[int(parent)] if parent.isdigit() else cfg[parent]
        except (KeyError, IndexError):
            return False
    if last in cfg or last in ('_delete_', 'type'):
        return True
    kind = others.get('.'.join([*parents, 'type']), cfg.get('type'))
    for node in vars(registry).values():
        if isinstance(node, registry.PluginRegistry) and kind:
            cls = node.get(kind)
            if cls is not None:
                return any(
                    last in inspect.signature(base.__init__).parameters
                    for base in inspect.getmro(cls)[:-1])
    return False


def heading_ids(page):
    """Return the anchors that a page gets from its headings."""
    text = re.sub(r'```.*?```', '', read(page), flags=re.DOTALL)
    for heading in re.findall(r'^#+ (.*)$', text, re.M):
        yield re.sub(r'[^\w\- ]', '',
                     heading.lower()).strip().replace(' ', '-')


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', read(page), flags=re.DOTALL)
    wrong = []
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if '://' in target:
            continue
        file, _, anchor = target.partition('#')
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or anchor and place.suffix == '.md' and (
                anchor not in heading_ids(place)):
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_files_that_are_named_exist(page):
    if page.stem == 'migration_from_mmtracking':
        pytest.skip('names files of another package')
    text = re.sub(r'```.*?```', '', read(page), flags=re.DOTALL)
    known = {path.name for path in repository_files()}
    wrong = [
        path for path in re.findall(r'`([\w./-]+\.(?:py|sh|cpp|cu|h))`', text)
        if path.split('/')[-1] not in known and not path.startswith(
            ('my_', 'work_dirs'))
    ]
    assert not wrong


@functools.lru_cache(maxsize=None)
def repository_files():
    """Return the sources of the package, its tools, configs and tests."""
    return [
        path for folder in ('mmvis_plugin', 'tools', 'configs', 'tests')
        for path in (ROOT / folder).rglob('*.*') if '.mim' not in path.parts
    ] + [ROOT / 'setup.py']


@functools.lru_cache(maxsize=None)
def identifiers():
    """Return all words of the package and the configs."""
    return {
        word
        for path in repository_files()
        if path.suffix == '.py' and path.parts[len(ROOT.parts)] in (
            'mmvis_plugin', 'configs')
        for word in re.findall(r'\w+', read(path))
    }


@pytest.mark.parametrize(
    'page', sorted((DOCS / 'systems').glob('*.md')), ids=name)
def test_equations_have_a_file_and_keys_that_exist(page):
    text = read(page)
    rows = re.findall(r'^\| .* \|$', text, re.M)
    files = [row for row in rows if re.search(r'Eq\. \d|section|\d\.\d', row)]
    assert len(files) >= 3
    keys = re.findall(r'`\.?([a-z_]+(?:\.[a-z_]+)*)(?:=[^`]*)?`',
                      '\n'.join(rows))
    wrong = {key for key in keys if key.split('.')[-1] not in identifiers()}
    wrong -= {key for key in keys if key.endswith(('.py', '.pth'))}
    assert not wrong
    assert '## Differs from the paper' in text


def test_every_page_is_in_the_table_of_contents():
    listed = re.findall(r'^[\w/]+$', read(DOCS / 'index.md'), re.M)
    found = {
        page.relative_to(DOCS).with_suffix('').as_posix()
        for page in [*DOCS.rglob('*.md'), *DOCS.rglob('*.rst')]
        if '_build' not in page.parts and page.name != 'index.md'
    }
    assert sorted(listed) == sorted(found)


def test_every_package_is_in_the_api_reference():
    listed = re.findall(r'automodule:: (\S+)', read(DOCS / 'api.rst'))
    assert len(listed) == len(set(listed)) > 20
    assert all(map(importlib.util.find_spec, listed))
    packages = {
        '.'.join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / 'mmvis_plugin').rglob('__init__.py')
        if '.mim' not in path.parts
    }
    # those that hold nothing but packages, or are no API
    inner = {
        f'mmvis_plugin{part}'
        for part in ('', '.compat', '.engine', '.evaluation', '.models',
                     '.utils')
    }
    assert packages - inner <= set(listed)
