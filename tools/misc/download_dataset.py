"""Fetch a dataset, or say where it comes from.

Prints the page, the terms, what to fetch and the files that have to lie on
the disk, as dataset-index.yml names them. Only files with an address of
their own are downloaded: most benchmarks want a login and your consent to
their terms. The same command goes on where it was stopped.
"""
import argparse
import os.path as osp
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import remove
from typing import List, Optional, Sequence
from zipfile import BadZipFile, ZipFile, ZipInfo

from mmengine.fileio import load

from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.download import download, name_of
from mmvis_plugin.utils.errors import DownloadError
from mmvis_plugin.utils.explain import near_names
from mmvis_plugin.utils.model_names import zoo_root
from mmvis_plugin.utils.whole_file import whole_file


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--dataset-name', help='as in dataset-index.yml; without it, a list')
    parser.add_argument(
        '--save-dir',
        help='where it lies, or will (default: data_root of the index)')
    parser.add_argument(
        '--unzip', action='store_true', help='unpack what was downloaded')
    parser.add_argument(
        '--delete',
        action='store_true',
        help='delete each archive once it is unpacked')
    parser.add_argument(
        '--threads',
        type=int,
        default=4,
        help='files at the same time (default %(default)s)')
    args = parser.parse_args(argv)
    if args.threads < 1:
        parser.error(f'--threads {args.threads}: must be at least 1')
    if args.delete and not args.unzip:
        parser.error('--delete needs --unzip')
    return args


def read_index() -> dict:
    """Return the entries of dataset-index.yml by their names."""
    content = load(osp.join(zoo_root(), 'dataset-index.yml'))
    return {k: v for k, v in content.items() if isinstance(v, dict)}


def find_entry(name: str) -> dict:
    """Return the entry of a dataset.

    Args:
        name (str): Its name.

    Raises:
        UsageError: There is none; close names are listed.
    """
    index = read_index()
    if name not in index:
        close = near_names(name, index) or list(index)
        raise UsageError(f'--dataset-name {name}: not in dataset-index.yml; '
                         f'expected one of {", ".join(close)}')
    return index[name]


def describe(entry: dict, folder: str) -> List[str]:
    """Return what is to be known before a download.

    Args:
        entry (dict): Of the index.
        folder (str): Where the dataset lies, or will.

    Returns:
        list[str]: Lines; files that are missing are marked.
    """
    lines = [entry['title']]
    lines += [f'page:  {entry["url"]}'] if 'url' in entry else []
    lines.append(f'terms: {entry["licence"]}')
    lines += [f'fetch: {what}' for what in entry.get('files', ())]
    lines.append(f'needed in {folder}:')
    lines += [
        f'  {path}' + '  (missing)' * (not osp.exists(osp.join(folder, path)))
        for path in entry['tree']
    ]
    if 'converter' in entry:
        lines.append(f'then:  python {entry["converter"]}')
    return lines


def is_complete(entry: dict, folder: str) -> bool:
    """Tell whether all that is needed is there.

    Args:
        entry (dict): Of the index.
        folder (str): Where the dataset lies.
    """
    return all(osp.exists(osp.join(folder, path)) for path in entry['tree'])


def unpack(path: str, folder: str, delete: bool) -> None:
    """Unpack an archive and the archives in it.

    Files that are there in the right size stay, so that a second call goes
    on where the first one was stopped.

    Args:
        path (str): A zip file.
        folder (str): Where to.
        delete (bool): Delete the archives once they are unpacked.

    Raises:
        DownloadError: It is damaged, or a name in it leads elsewhere.
    """
    inner = []
    try:
        with ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    inner.append(_unpack_file(archive, info, path, folder))
    except BadZipFile as err:
        raise DownloadError(f'{path}: damaged ({err}); delete it and call '
                            'again') from None
    for file in inner:
        if file.endswith('.zip'):
            unpack(file, osp.dirname(file), delete)
    if delete:
        remove(path)


def _unpack_file(archive: ZipFile, info: ZipInfo, path: str,
                 folder: str) -> str:
    target = osp.normpath(osp.join(folder, info.filename))
    if osp.relpath(target, folder).startswith(osp.pardir):
        raise DownloadError(f'{path}: {info.filename!r} in it leads out of '
                            f'{folder}; expected files below it')
    there = -1
    with suppress(FileNotFoundError):
        there = osp.getsize(target)
    if there != info.file_size:
        with whole_file(target) as unfinished:
            with archive.open(info) as source, open(unfinished, 'wb') as file:
                shutil.copyfileobj(source, file)
    return target


def fetch(entry: dict, folder: str, args: argparse.Namespace) -> None:
    """Download the files of a dataset, and unpack them.

    Args:
        entry (dict): Of the index, with addresses.
        folder (str): Where to.
        args (argparse.Namespace): The options.

    Raises:
        DownloadError: Files are missing or damaged; the others are there.
    """

    def one(url: str) -> None:
        path = osp.join(folder, name_of(url))
        # many lines per file, so one at a time shows its progress
        download([url], path, show_progress=args.threads == 1)
        print(f'{path}: complete', flush=True)
        if args.unzip and path.endswith('.zip'):
            unpack(path, folder, args.delete)

    with ThreadPoolExecutor(args.threads) as pool:
        tasks = [pool.submit(one, url) for url in entry['files']]
    failures = [task.exception() for task in tasks if task.exception()]
    for failure in failures:
        if not isinstance(failure, DownloadError):
            raise failure
    if failures:
        raise DownloadError('; '.join(map(str, failures)))


@one_line_errors
def main() -> None:
    """Describe a dataset, and fetch what has an address."""
    args = parse_args()
    if args.dataset_name is None:
        for name, entry in read_index().items():
            print(f'{name:24} {entry["access"]:10} {entry["title"]}')
        return
    entry = find_entry(args.dataset_name)
    folder = args.save_dir or entry['data_root']
    print('\n'.join(describe(entry, folder)), flush=True)
    if is_complete(entry, folder):
        print(f'all of it is in {folder}')
        return
    if entry['access'] == 'generated':
        raise UsageError(f'{args.dataset_name}: nothing to download, make it '
                         f'with python {entry["command"]}')
    if entry['access'] != 'free':
        raise UsageError(
            f'{args.dataset_name}: not downloaded, that is up to you: fetch '
            f'what is named above from {entry["url"]} and unpack it into '
            f'{folder}')
    fetch(entry, folder, args)
    if not args.unzip:
        print(f'unpack the archives in {folder}, or call with --unzip')


if __name__ == '__main__':
    main()
