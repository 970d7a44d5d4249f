"""Write docs/en/model_zoo.md from the metafiles of all systems."""
import argparse
import os.path as osp
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from mmengine.fileio import load

from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.download import name_of
from mmvis_plugin.utils.model_names import (PACKAGE_SCHEME, ModelEntry,
                                            list_models, zoo_root)
from mmvis_plugin.utils.whole_file import write_whole

PAGE = 'docs/en/model_zoo.md'
STATUS = ('not yet trained', 'trained here, weights not published',
          'weights available')
HEAD = """# Model zoo

<!-- Written by tools/misc/make_model_zoo.py from configs/*/metafile.yml. -->

All recipes with the numbers that their papers report and those measured with
this code. Numbers are in percent, but for counts and what names its unit.

- *paper*: reported by the paper for this model. Nothing says yet that this
  code reaches it.
- *here*: measured with this code; below each table stand the commands. Two
  numbers in brackets are the least and the most of several seeds.
- *not yet trained*: nobody has run the recipe to its end with this code. There
  are no weights, and no numbers but the paper's.

The name of a model is that of its config, and stands for config and weights:
`find_model(NAME)` of `mmvis_plugin.utils.model_names` returns both, and
`tools/misc/download_checkpoint.py NAME` fetches weights and checks them. The
models that have weights are listed by

```bash
python tools/misc/download_checkpoint.py --list
```

`mim search mmvis_plugin` shows the numbers of all models, of both sources,
with the state of their weights, and `mim download mmvis_plugin --config NAME`
fetches those that have an address; weights at `package://` are there already.
"""


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out',
        help=f'the page (default: {PAGE} of the repository); - prints it')
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing, fail if the page is not up to date')
    return parser.parse_args(argv)


def model_zoo() -> str:
    """Return the whole page."""
    models = list_models()
    parts = [HEAD, _summary(models)]
    for collection in _collections():
        own = [m for m in models if m.collection == collection['Name']]
        parts.append(_section(collection, own))
    return '\n'.join(parts)


def _collections() -> List[Dict[str, Any]]:
    """Return the descriptions of all systems."""
    root = zoo_root()
    return [
        collection
        for path in load(osp.join(root, 'model-index.yml'))['Import']
        for collection in load(osp.join(root, path))['Collections']
    ]


def _summary(models: Sequence[ModelEntry]) -> str:
    """Return how many models of each system are in which state."""
    rows = []
    for name in [c['Name'] for c in _collections()]:
        states = [m.metadata['Status'] for m in models if m.collection == name]
        counts = [str(states.count(state)) for state in STATUS]
        rows.append([name, str(len(states)), *counts])
    return _table(['system', 'recipes', *STATUS], rows)


def _section(collection: Dict[str, Any], models: Sequence[ModelEntry]) -> str:
    """Return what there is of one system."""
    paper = collection['Paper']
    folder = osp.dirname(collection['README'])
    lines = [
        f'## {collection["Name"]}\n',
        f'[{paper["Title"]}]({paper["URL"]}). Recipes in `{folder}`.\n'
    ]
    for (task, dataset), rows in _by_task(models).items():
        lines.append(f'### {collection["Name"]}: {task}, {dataset}\n')
        lines.append(_results_table(rows))
        lines += _commands(rows)
    silent = [model for model in models if not model.results]
    if silent:
        lines.append(f'### {collection["Name"]}: recipes without numbers\n')
        lines.append(
            _table(['model', 'trained on', 'weights'],
                   [[_name(m), _data(m), _weights(m)] for m in silent]))
    return '\n'.join(lines)


_Row = Tuple[ModelEntry, Dict[str, Any]]


def _by_task(
        models: Sequence[ModelEntry]) -> Dict[Tuple[str, str], List[_Row]]:
    """Sort results by what was evaluated on which data."""
    tables: Dict[Tuple[str, str], List[_Row]] = {}
    for model in models:
        for result in model.results:
            key = result['Task'], result['Dataset']
            tables.setdefault(key, []).append((model, result))
    return tables


def _results_table(rows: Sequence[_Row]) -> str:
    """Return a table of results with a column per metric."""
    names = list(
        dict.fromkeys(name for _, result in rows
                      for name in result['Metrics']))
    body = []
    for model, result in rows:
        source = 'here' if result['Source'] == 'measured' else 'paper'
        numbers = [_number(result, name) for name in names]
        body.append(
            [_name(model),
             _data(model), source, *numbers,
             _weights(model)])
    return _table(['model', 'trained on', 'numbers', *names, 'weights'], body)


def _number(result: Dict[str, Any], name: str) -> str:
    """Return a number, with the spread of several runs."""
    value = result['Metrics'].get(name)
    if value is None:
        return ''
    runs = result.get('Runs', {}).get(name, [])
    spread = f' ({min(runs)}, {max(runs)})' if len(set(runs)) > 1 else ''
    return f'{value}{spread}'


def _commands(rows: Sequence[_Row]) -> Iterator[str]:
    """Yield the command behind each number of our own."""
    for model, result in rows:
        if result['Source'] == 'measured':
            seeds = max([len(v) for v in result.get('Runs', {}).values()],
                        default=1)
            many = f', {seeds} seeds' if seeds > 1 else ''
            yield (f'`{model.name}`: `{result["Command"]}` on '
                   f'{result["Machine"]}{many}.\n')


def _name(model: ModelEntry) -> str:
    """Return the name of a model and what it is called in short."""
    short = ', '.join(f'`{alias}`' for alias in model.aliases)
    return f'`{model.name}`' + (f' ({short})' if short else '')


def _data(model: ModelEntry) -> str:
    """Return what a model is trained on, and for how long."""
    data = model.metadata['Training Data']
    text = ' and '.join(data) if isinstance(data, list) else data
    for key, unit in (('Iterations', 'iterations'), ('Epochs', 'epochs')):
        if key in model.metadata:
            text += f', {model.metadata[key]} {unit}'
    return text


def _weights(model: ModelEntry) -> str:
    """Return where the weights of a model are."""
    if model.weights is None:
        return model.metadata['Status']
    name = name_of(model.weights)
    if '://' not in model.weights:
        return f'in the package: `{PACKAGE_SCHEME}checkpoints/{name}`'
    return f'[{name}]({model.weights})'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


@one_line_errors
def main() -> None:
    """Write the page, or compare it."""
    args = parse_args()
    page = model_zoo()
    if args.out == '-':
        print(page, end='')
        return
    path = args.out or osp.join(zoo_root(), PAGE)
    if not args.check:
        write_whole(path, page.encode())
        return
    with open(path, encoding='utf-8') as file:
        if file.read() != page:
            raise UsageError(f'{path}: differs from the metafiles; run '
                             'tools/misc/make_model_zoo.py')


if __name__ == '__main__':
    main()
