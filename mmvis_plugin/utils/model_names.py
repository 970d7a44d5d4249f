"""Find models of the zoo by name."""
import functools
import os.path as osp
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from mmengine.fileio import load

from .explain import near_names

PACKAGE_SCHEME = 'package://'
_PACKAGE = osp.dirname(osp.dirname(osp.abspath(__file__)))
_INDEX = 'model-index.yml'


@dataclass(frozen=True)
class ModelEntry:
    """A model of the zoo.

    Attributes:
        name (str): Its name, which is the stem of its config.
        config (str): Absolute path of the config.
        weights (str, optional): Absolute path of a checkpoint that comes
            with the package, or a URL; None if there are no weights yet.
        metadata (dict): What the metafile says under ``Metadata``.
        mirrors (tuple[str]): Further URLs of the same checkpoint.
        sha256 (str, optional): Hash of the whole checkpoint.
        collection (str): Its system.
        aliases (tuple[str]): Short names.
        results (tuple[dict]): ``Task``, ``Dataset``, ``Metrics`` and
            ``Source`` each; see ``configs/README.md``.
    """
    name: str
    config: str
    weights: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    mirrors: Tuple[str, ...] = ()
    sha256: Optional[str] = None
    collection: str = ''
    aliases: Tuple[str, ...] = ()
    results: Tuple[Dict[str, Any], ...] = ()


def zoo_root(package: str = _PACKAGE) -> str:
    """Return the folder with ``configs``, ``tools`` and the indices.

    Args:
        package (str): Folder of the package. Defaults to that of this one.

    Returns:
        str: The root of the repository if the package lies in one, else
        ``.mim`` inside of the installed package.

    Raises:
        FileNotFoundError: If neither is there.
    """
    checkout, installed = osp.dirname(package), osp.join(package, '.mim')
    # site-packages may hold a model-index.yml of a badly packed neighbour
    if osp.isfile(osp.join(checkout, 'setup.cfg')) and osp.isfile(
            osp.join(checkout, _INDEX)):
        return checkout
    if osp.isfile(osp.join(installed, _INDEX)):
        return installed
    raise FileNotFoundError(
        f'{osp.join(installed, _INDEX)}: not there, the package was '
        'installed without its model zoo; install it again')


def find_model(name: str) -> ModelEntry:
    """Return the model of a name.

    Args:
        name (str): Name or alias; case does not matter.

    Returns:
        ModelEntry: Its config, its weights, and what is known of it.

    Raises:
        ValueError: If there is none; close names are listed.
        FileNotFoundError: If its config or the weights that should come with
            the package are not there.
    """
    models = _models(zoo_root())
    known = {
        word.lower(): entry
        for entry in models
        for word in (*entry.aliases, entry.name)
    }
    entry = known.get(name.lower())
    if entry is None:
        close = near_names(name, known)
        hint = f'did you mean {", ".join(close)}?' if close else (
            'list_models() of mmvis_plugin.utils.model_names returns them, '
            'docs/en/model_zoo.md shows them')
        raise ValueError(
            f'{name!r}: neither a file nor one of the {len(models)} models '
            f'of the zoo; {hint}')
    for path in (entry.config, entry.weights):
        if path and '://' not in path and not osp.isfile(path):
            raise FileNotFoundError(
                f'{path}: not there, but {entry.name} of the model zoo needs '
                'it; install the package again')
    return entry


def list_models(pattern: str = '') -> List[ModelEntry]:
    """Return all models of the zoo.

    Args:
        pattern (str): Part of a name or alias. Defaults to '', which all
            have.

    Returns:
        list[ModelEntry]: In the order of the metafiles.
    """
    return [
        entry for entry in _models(zoo_root())
        if any(pattern.lower() in word.lower()
               for word in (entry.name, *entry.aliases))
    ]


def package_path(address: str) -> str:
    """Return where a file that comes with the package lies.

    Args:
        address (str): ``package://`` and its path in the package; any other
            text is returned as it is.

    Returns:
        str: An absolute path.
    """
    if not address.startswith(PACKAGE_SCHEME):
        return address
    return osp.join(_PACKAGE, *address[len(PACKAGE_SCHEME):].split('/'))


@functools.lru_cache(maxsize=None)
def _models(root: str) -> Tuple[ModelEntry, ...]:
    """Return the entries of all metafiles below a root."""
    return tuple(
        _entry(root, model)
        for metafile in load(osp.join(root, _INDEX))['Import']
        for model in load(osp.join(root, metafile))['Models'])


def _entry(root: str, model: Dict[str, Any]) -> ModelEntry:
    """Return an entry of a metafile with paths that can be opened."""
    weights = [package_path(word) for word in _listed(model.get('Weights'))]
    return ModelEntry(
        name=model['Name'],
        config=osp.join(root, *model['Config'].split('/')),
        weights=weights[0] if weights else None,
        metadata=model.get('Metadata') or {},
        mirrors=tuple(weights[1:]),
        sha256=model.get('SHA256'),
        collection=model.get('In Collection', ''),
        aliases=tuple(_listed(model.get('Alias'))),
        results=tuple(model.get('Results') or ()))


def _listed(value: Any) -> List[str]:
    """Return a field that may be missing, one text or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
