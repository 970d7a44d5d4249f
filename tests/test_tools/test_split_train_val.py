import json
import runpy
import sys
from pathlib import Path

import pytest

from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.datasets.hold_out import hold_out_names
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis

TOOL = Path(__file__).parents[2] / 'tools/misc/split_train_val.py'


@pytest.fixture
def call(monkeypatch, capsys):

    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['split', *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def load(root, name):
    dataset = YouTubeVIS(
        ann_file=name,
        data_root=str(root),
        data_prefix=dict(img_path='train/JPEGImages'))
    return {
        dataset.get_data_info(i)['video_name']: dataset.get_data_info(i)
        for i in range(len(dataset))
    }


def test_both_parts_load_and_are_the_whole(call, tmp_path):
    write_youtube_vis(str(tmp_path), get_cfg('micro', num_train=4))
    code, out, _ = call(tmp_path / 'train.json', '--percent', 50)
    assert code == 0
    assert out == (f'{tmp_path}/train_trainsub.json: written, 2 videos\n'
                   f'{tmp_path}/train_valsub.json: written, 2 videos\n')
    whole = load(tmp_path, 'train.json')
    train, val = (
        load(tmp_path, f'train_{n}.json') for n in ('trainsub', 'valsub'))
    assert sorted(val) == sorted(hold_out_names(whole, 50))
    assert sorted([*train, *val]) == sorted(whole)
    for name, video in {**train, **val}.items():
        expected = [[o['mask'] for o in i['instances']]
                    for i in whole[name]['images']]
        assert [[o['mask'] for o in i['instances']]
                for i in video['images']] == expected
    first = (tmp_path / 'train_valsub.json').read_bytes()
    assert call(tmp_path / 'train.json', '--percent', 50)[0] == 0
    assert (tmp_path / 'train_valsub.json').read_bytes() == first


def test_a_list_of_videos(call, tmp_path):
    names = [f'{n}_video' for n in range(10)]
    path = tmp_path / 'train.txt'
    path.write_text('\n'.join(names))  # no end of the last line
    out = tmp_path / 'out'
    code, _, _ = call(path, '--percent', 30, '--train-out', out / 'a.txt',
                      '--val-out', out / 'b.txt')
    held = (out / 'b.txt').read_text().splitlines()
    rest = (out / 'a.txt').read_text().splitlines()
    assert code == 0 and sorted(held) == sorted(hold_out_names(names, 30))
    assert rest == [n for n in names if n not in held]
    assert sorted(p.name for p in out.iterdir()) == ['a.txt', 'b.txt']


def test_wrong_calls_end_with_one_line(call, tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(dict(videos=[dict(id=1, name='a')])))
    for words, message in [
        ((path, ), f'{path}: 1 video(s) cannot be split'),
        ((path, '--percent', 100), '--percent 100.0: expected a number'),
        ((path, '--val-out', path), 'expected three different files'),
        ((tmp_path, ), f'{tmp_path}: a folder of labels; convert it'),
        ((tmp_path / 'no.json', ), f'annotation file {tmp_path}/no.json not'),
        ((tmp_path / 'no.txt', ), f'annotation file {tmp_path}/no.txt not'),
    ]:
        code, _, err = call(*words)
        assert code == 1 and err.startswith('error: ') and message in err
        assert err.count('\n') == 1
    assert [p.name for p in tmp_path.iterdir()] == ['train.json']
