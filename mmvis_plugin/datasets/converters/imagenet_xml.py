"""Reader of the XML annotations of ILSVRC, one file per frame or image."""
import math
from typing import Dict, List, Optional
from xml.etree import ElementTree

from mmvis_plugin.utils.errors import AnnotationError

# Beyond this a coordinate is garbage; its products stay finite.
_MAX_PIXEL = 1e6


def read_imagenet_xml(path: str,
                      wnid_to_id: Dict[str, int],
                      tracks: bool = True) -> dict:
    """Read and check the annotation of one frame of VID or image of DET.

    Args:
        path (str): The XML file.
        wnid_to_id (dict[str, int]): WordNet id to category id.
        tracks (bool): VID: every object has a track id and one of the known
            WordNet ids. Without (DET), objects of other WordNet ids are left
            out. Defaults to True.

    Returns:
        dict: ``height`` and ``width`` in pixels, and ``objects``: dicts of
        ``category_id``, ``bbox`` [x, y, w, h] with w = xmax - xmin,
        ``occluded``, ``generated`` and, with ``tracks``, ``trackid``.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: Naming file and record, if it breaks the format.

    Source: the development kit of ILSVRC 2015.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise FileNotFoundError(
            f'annotation file {path} not found; expected the folder '
            'Annotations of ILSVRC beside its folder Data') from None
    except ElementTree.ParseError as error:
        line, column = error.position
        raise AnnotationError(f'{path}: not valid XML at line {line} column '
                              f'{column + 1}') from None
    except (LookupError, ValueError) as error:  # of the declared encoding
        raise AnnotationError(f'{path}: not valid XML: {error}') from None
    if root.tag != 'annotation':
        raise AnnotationError(f'{path}: top level is <{_short(root.tag)}>, '
                              'expected <annotation>')
    height, width = (
        _integer(root, f'size/{key}', path, least=1)
        for key in ('height', 'width'))
    objects = [
        _read_object(node, f'{path}: object {i}', wnid_to_id, tracks)
        for i, node in enumerate(root.findall('object'))
    ]
    objects = [item for item in objects if item is not None]
    if tracks:
        _check_tracks(objects, path)
    return dict(height=height, width=width, objects=objects)


def _read_object(node: ElementTree.Element, where: str,
                 wnid_to_id: Dict[str, int], tracks: bool) -> Optional[dict]:
    wnid = _text(node, 'name', where)
    if wnid not in wnid_to_id and not tracks:
        return None
    if wnid not in wnid_to_id:
        raise AnnotationError(
            f'{where}: unknown category {_short(wnid)!r}, expected one of '
            f'the {len(wnid_to_id)} known WordNet ids; name it in a map file '
            'if it belongs to one of them')
    x1, y1, x2, y2 = (
        _pixel(node, f'bndbox/{key}', where)
        for key in ('xmin', 'ymin', 'xmax', 'ymax'))
    if x2 < x1 or y2 < y1:
        raise AnnotationError(
            f'{where}: bndbox runs from ({x1}, {y1}) to ({x2}, {y2}), '
            'expected xmax >= xmin and ymax >= ymin')
    item = dict(
        category_id=wnid_to_id[wnid],
        bbox=[x1, y1, x2 - x1, y2 - y1],
        occluded=_integer(node, 'occluded', where, 0, 1, default=0),
        generated=_integer(node, 'generated', where, 0, 1, default=0))
    if tracks:
        item['trackid'] = _integer(node, 'trackid', where, least=0)
    return item


def _check_tracks(objects: List[dict], path: str) -> None:
    seen = set()
    for item in objects:
        if item['trackid'] in seen:
            raise AnnotationError(f'{path}: trackid {item["trackid"]} occurs '
                                  'twice, expected once per frame')
        seen.add(item['trackid'])


def _text(node: ElementTree.Element, key: str, where: str) -> str:
    text = (node.findtext(key) or '').strip()
    if not text:
        raise AnnotationError(f'{where}: {key} is missing or empty')
    return text


def _integer(node: ElementTree.Element,
             key: str,
             where: str,
             least: int,
             most: int = 2**31 - 1,
             default: Optional[int] = None) -> int:
    if default is not None and node.find(key) is None:
        return default
    text = _text(node, key, where)
    # Python refuses to read thousands of digits
    sound = text.isdecimal() and len(text) <= 10
    if not sound or not least <= int(text) <= most:
        raise AnnotationError(f'{where}: {key} is {_short(text)!r}, expected '
                              f'an integer from {least} to {most}')
    return int(text)


def _pixel(node: ElementTree.Element, key: str, where: str) -> float:
    text = _text(node, key, where)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < _MAX_PIXEL:
        raise AnnotationError(f'{where}: {key} is {_short(text)!r}, expected '
                              'a number of pixels')
    return int(value) if value.is_integer() else value


def _short(text: str) -> str:
    text = ' '.join(text.split())
    return text if len(text) <= 40 else f'{text[:40]}...'
