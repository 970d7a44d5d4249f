"""Turn build errors of mmengine into one line that says what to do."""
import difflib
import inspect
import re
from typing import Iterable, List, Optional, Type

_UNKNOWN_NAME = re.compile(
    r'(?P<name>\S+) is not in the (?:\S+::)?(?P<kind>.+?) registry')
_FAILED_NAME = re.compile(r'^Failed to get (?P<name>\S+)$')
_UNKNOWN_KEY = re.compile(r"(?:(?P<owner>\w+)\.__init__|(?P<func>\w+))\(\) "
                          r"got an unexpected keyword argument '(?P<key>\w+)'")
_IMPORT_LINE = ("custom_imports = dict(imports=['mmvis_plugin'], "
                'allow_failed_imports=False)')


def explain_error(err: BaseException) -> Optional[str]:
    """Explain an error of a config in one line.

    Known are a ``type`` that no registry holds and a key that the
    constructor of a registered class does not take.

    Args:
        err (BaseException): What ``Registry.build`` raised.

    Returns:
        str or None: The line, or None for every other error.
    """
    text = str(err.args[0]) if err.args else ''
    if isinstance(err, (KeyError, RuntimeError)):
        match = _UNKNOWN_NAME.search(text) or _FAILED_NAME.search(text)
        return match and _explain_name(match.groupdict())
    if isinstance(err, TypeError):
        match = _UNKNOWN_KEY.search(text)
        return match and _explain_key(match['owner'] or match['func'],
                                      match['key'])
    return None


def near_names(name: str, candidates: Iterable[str]) -> List[str]:
    """Return up to three candidates that look like ``name``, best first.

    Args:
        name (str): What was written.
        candidates (Iterable[str]): What exists.

    Returns:
        list[str]: Names in their own spelling; case is ignored.
    """
    spelled = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), spelled, n=3)
    return [spelled[key] for key in close]


def _explain_name(found: dict) -> str:
    name, kind = found['name'].strip('\'"'), found.get('kind')
    bare = name.split('.')[-1]
    nodes = _nodes(kind)
    known = {
        key
        for node in nodes
        for key in [*node.module_dict, *node.host.module_dict]
    }
    close = near_names(bare, known)
    hint = f'did you mean {_listed(close)}? ' if close else ''
    return (f"type '{name}' is not in the {kind or 'class'} registry; {hint}"
            'A class is found only after its module was imported: '
            f'{_IMPORT_LINE}, and your own modules in the same list')


def _explain_key(owner: str, key: str) -> Optional[str]:
    cls = _registered(owner)
    if cls is None:
        return None
    accepted = _parameters(cls)
    close = near_names(key, accepted)
    hint = f'did you mean {_listed(close)}?' if close else \
        f'it takes {_listed(accepted)}'
    return f"unknown config key '{key}' of {owner}; {hint}"


def _listed(names: Iterable[str]) -> str:
    return ', '.join(f"'{name}'" for name in names)


def _nodes(kind: Optional[str] = None) -> list:
    """Return this package's registry nodes, of one kind or of all."""
    from mmvis_plugin import registry
    nodes = [
        node for node in vars(registry).values()
        if isinstance(node, registry.PluginRegistry)
    ]
    return [node for node in nodes if kind in (None, node.name)] or nodes


def _registered(owner: str) -> Optional[Type]:
    for node in _nodes():
        for table in (node, node.host, node.parent):
            cls = table.module_dict.get(owner) if table else None
            if cls is not None:
                return cls
    return None


def _parameters(cls: Type) -> List[str]:
    """Return what the constructor takes, following ``**kwargs`` upwards."""
    names: List[str] = []
    for base in inspect.getmro(cls) if inspect.isclass(cls) else [cls]:
        init = base.__dict__.get('__init__') if inspect.isclass(base) else cls
        if init is None:
            continue
        parameters = inspect.signature(init).parameters.values()
        names += [
            p.name for p in parameters
            if p.name not in ('self',
                              *names) and p.kind not in (p.VAR_POSITIONAL,
                                                         p.VAR_KEYWORD)
        ]
        if all(p.kind != p.VAR_KEYWORD for p in parameters):
            break
    return names
