import json
import os

import pytest

from mmvis_plugin.datasets import annotation_cache
from mmvis_plugin.datasets.youtube_vis import YouTubeVIS


@pytest.fixture
def parses(monkeypatch):
    """Count how often the file is really parsed."""
    calls = []
    parse = YouTubeVIS._parse
    monkeypatch.setattr(YouTubeVIS, '_parse',
                        lambda self: calls.append(1) or parse(self))
    return calls


def build(vis):
    return YouTubeVIS(
        ann_file='train.json',
        data_root=str(vis.root),
        data_prefix=dict(img_path='JPEGImages'),
        serialize_data=False,
        cache_dir=str(vis.root / 'cache'))


def records(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_second_start_reads_the_cache(vis, parses):
    vis.data['annotations'][0]['segmentations'][0] = [[10, 5, 16, 5, 16, 11],
                                                      [1, 2]]
    vis.write()
    first = build(vis)
    second = build(vis)
    assert len(parses) == 1
    assert records(second) == records(first)
    assert second.drops == first.drops and sum(second.drops.values()) == 1
    assert os.listdir(vis.root / 'cache')[0].startswith('train-')


def test_changed_file_is_parsed_again(vis, parses):
    vis.write()
    build(vis)
    vis.data['annotations'][0]['category_id'] = 5
    path = vis.write()
    os.utime(path, (1, 1))
    labels = [
        obj['bbox_label']
        for obj in build(vis).get_data_info(0)['images'][0]['instances']
    ]
    assert labels == [1, 1]
    assert len(parses) == 2 and len(os.listdir(vis.root / 'cache')) == 1


@pytest.mark.parametrize('content', ['', '{"key": 1}', '[1', '\x00'])
def test_unreadable_cache_is_rebuilt(vis, parses, content):
    vis.write()
    build(vis)
    cache = next((vis.root / 'cache').iterdir())
    good = json.loads(cache.read_text())
    cache.write_text(content)
    assert len(build(vis)) == 2
    assert len(parses) == 2
    assert json.loads(cache.read_text()) == good


def test_failed_write_leaves_no_file(vis, monkeypatch):
    vis.write()
    monkeypatch.setattr(annotation_cache.os, 'replace', lambda *_:
                        (_ for _ in ()).throw(OSError('full')))
    with pytest.raises(OSError, match='full'):
        build(vis)
    assert os.listdir(vis.root / 'cache') == []
