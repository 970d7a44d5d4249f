"""The page of errors, from results to what a browser shows."""
import json
from pathlib import Path

import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis
from mmvis_plugin.evaluation.functional import video_instance_ap
from ..browser import probe
from ..error_reports import content, run, write_config

VIS = """type='YouTubeVIS', ann_file='valid_with_gt.json',
    data_prefix=dict(img_path='valid/JPEGImages')"""
VIS_METRIC = "dict(type='VISMetric', outfile_prefix='never_written')"


@pytest.fixture(scope='module')
def vis(tmp_path_factory):
    """Return config, annotations and degraded results of small videos."""
    folder = tmp_path_factory.mktemp('vis')
    write_youtube_vis(str(folder / 'data'), get_cfg('micro'))
    config = write_config(folder, folder / 'data', VIS, VIS_METRIC)
    results = folder / 'results.json'
    run('misc/degrade_moving_shapes.py', '--profile', 'micro', '--out',
        results, '--swap', 1, '--gap', 1, '--extra', 0.7, '--seed', 4)
    return config, folder / 'data' / 'valid_with_gt.json', results


@pytest.fixture(scope='module')
def page(vis, tmp_path_factory):
    path = tmp_path_factory.mktemp('page') / 'report.html'
    run('analysis_tools/error_report.py', vis[0], vis[2], '--out', path,
        '--num', 1, '--width', 160)
    return path.read_text(encoding='utf-8')


def test_scores_of_videos_are_those_of_the_video_alone(page, vis):
    data = content(page)
    gt, results = (json.loads(path.read_text()) for path in vis[1:])
    names = ['AP', 'AP50', 'AP75', 'AR1', 'AR10']
    assert [c['name'] for c in data['columns']] == [f'vis/{n}' for n in names]
    total = video_instance_ap(gt, results)
    assert data['overall'] == pytest.approx([total[name] for name in names])
    assert len(data['videos']) == len(gt['videos']) > 1
    for video, shown in zip(gt['videos'], data['videos']):
        part = dict(
            gt,
            videos=[video],
            annotations=[
                a for a in gt['annotations'] if a['video_id'] == video['id']
            ])
        alone = video_instance_ap(
            part, [r for r in results if r['video_id'] == video['id']])
        assert shown['id'] == str(video['id'])
        assert shown['scores'] == pytest.approx([alone[n] for n in names])
    assert not Path('never_written.submission_file.zip').exists()


def test_pictures_of_the_worst_video(page):
    data = content(page)
    scores = [video['scores'][0] for video in data['videos']]
    shown = [i for i in range(len(scores)) if content(page, f'media-{i}')]
    assert len(shown) == 1 and scores[shown[0]] == min(scores)
    media = content(page, f'media-{shown[0]}')
    frames = len(data['videos'][shown[0]]['frames'])
    assert list(media['frames']) == [str(i) for i in range(frames)]
    assert all(
        uri.startswith('data:image/jpeg;base64,/9j/')
        for uri in media['frames'].values())
    pytest.importorskip('av', reason='clips need PyAV')
    assert media['clip'].startswith('data:video/mp4;base64,')


def test_size_is_bounded(vis, tmp_path, capsys):
    path = tmp_path / 'report.html'
    run('analysis_tools/error_report.py', vis[0], vis[2], '--out', path,
        '--num', 9, '--width', 160, '--no-clips', '--max-size', 0.06)
    assert 'of them with pictures, 0.' in capsys.readouterr().out
    assert path.stat().st_size <= 0.06 * 2**20
    assert content(path.read_text(), 'media-0') is None
    with pytest.raises(SystemExit):
        run('analysis_tools/error_report.py', vis[0], vis[2], '--out', path,
            '--num', 0, '--max-size', 0.001)
    assert 'scores and timelines alone take' in capsys.readouterr().err


SCRIPT = """
    const $ = id => document.getElementById(id);
    const key = name => document.body.dispatchEvent(new KeyboardEvent(
      'keydown', {key: name, bubbles: true, cancelable: true}));
    const rows = () => [...document.querySelectorAll('#videos tr.pick')].map(
      row => Number(row.dataset.video));
    const head = name => [...document.querySelectorAll('#videos th button')]
      .find(button => button.textContent.startsWith(name));
    const count = kind => Number(document.querySelector(
      `#summary tr[data-kind=${kind}]`).children[1].textContent);
    const states = () => [...document.querySelectorAll('#timeline .run')].map(
      run => run.dataset.state);
    head('vis/AP').click();
    seen.up = rows();
    head('vis/AP').click();
    seen.down = rows();
    seen.aria = head('vis/AP').parentElement.getAttribute('aria-sort');
    const chosen = SHOWN;
    document.querySelector(`#videos tr[data-video="${chosen}"]`).click();
    seen.head = $('video-head').textContent;
    seen.states = states();
    seen.signs = [...document.querySelectorAll('#timeline .sign')].map(
      sign => sign.dataset.kind);
    for (let i = 0; i < 40; i += 1) key('ArrowLeft');
    seen.first = location.hash;
    key('ArrowRight');
    seen.second = location.hash;
    await $('frame').decode();
    seen.source = $('frame').src;
    seen.width = $('frame').naturalWidth;
    key('n');
    seen.next = [location.hash, $('caption').textContent];
    const line = $('timeline').getBoundingClientRect();
    $('timeline').dispatchEvent(new MouseEvent('click', {bubbles: true,
      clientX: line.left + layout.left + 3.5 * stepWidth(),
      clientY: line.top + 30}));
    seen.clicked = location.hash;
    document.querySelector('#events tr[data-kind=switch] button').click();
    seen.event = location.hash;
    seen.counts = Object.fromEntries(
      data.kinds.map(k => [k.key, count(k.key)]));
    $('class').value = 0;
    $('class').dispatchEvent(new Event('change'));
    seen.filtered = Object.fromEntries(
      data.kinds.map(k => [k.key, count(k.key)]));
    const link = location.hash.replace(/frame=[0-9]+/, 'frame=2');
    $('class').value = -1;
    $('class').dispatchEvent(new Event('change'));
    await new Promise(done => {
      window.addEventListener('hashchange', () => setTimeout(done));
      location.hash = link;
    });
    seen.link = [$('class').value, $('slider').value, count('birth')];
    seen.paper = [0, 1].map(() => {
      $('theme').click();
      return getComputedStyle(document.body).backgroundColor;
    });
    $('play').click();
    seen.clip = [$('clip').hidden, $('clip').src.slice(0, 22)];
    // timers run ahead in a browser without a window, pictures do not
    for (let i = 0; i < 200 && !$('clip').videoWidth; i += 1) {
      await new Promise(done => setTimeout(done, 40));
      await $('frame').decode();
    }
    seen.playable = [$('clip').videoWidth, $('clip').duration];
"""


def test_page_in_a_browser(page, tmp_path):
    data = content(page)
    scores = [video['scores'][0] for video in data['videos']]
    shown = int(np.argmin(scores))
    video = data['videos'][shown]
    seen = probe(page, SCRIPT.replace('SHOWN', str(shown)), tmp_path)
    assert seen['errors'] == []
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    assert seen['up'] == order
    assert seen['down'] == sorted(order, key=lambda i: -scores[i])
    assert seen['aria'] == 'descending'
    assert seen['head'] == f'Video {video["name"]}'
    runs = [run for row in video['objects'] for run in row['runs']]
    names = dict(missed='miss')
    assert seen['states'][:len(runs)] == [
        names.get(run[2], run[2]) for run in runs
    ]
    kinds = [event['kind'] for event in video['events']]
    for kind in ('birth', 'switch', 'fragment'):
        assert seen['signs'].count(kind) == kinds.count(kind)
    assert 'switch' in kinds and 'fragment' in kinds
    assert seen['first'] == f'#video={video["id"]}&frame=0'
    assert seen['second'] == f'#video={video["id"]}&frame=1'
    assert seen['source'] == content(page, f'media-{shown}')['frames']['1']
    assert seen['width'] == 2 * 160
    later = [e for e in video['events'] if e['start'] > 1]
    first = min(event['start'] for event in later)
    assert seen['next'][0].endswith(f'&frame={first}')
    for event in later:
        assert (event['text'] in seen['next'][1]) == (event['start'] == first)
    assert seen['clicked'].endswith('&frame=3')
    switch = video['events'][kinds.index('switch')]
    assert seen['event'].endswith(f'&frame={switch["start"]}')
    events = [event for item in data['videos'] for event in item['events']]
    for kind, number in seen['counts'].items():
        assert number == sum(e['kind'] == kind for e in events)
    for kind, number in seen['filtered'].items():
        assert number == sum(e['kind'] == kind and e['label'] == 0
                             for e in events)
    assert sum(seen['counts'].values()) > sum(seen['filtered'].values()) > 0
    assert seen['link'] == ['0', '2', seen['filtered']['birth']]
    assert seen['paper'] == ['rgb(21, 24, 28)', 'rgb(255, 255, 255)']
    if content(page, f'media-{shown}')['clip']:
        assert seen['clip'] == [False, 'data:video/mp4;base64,']
        assert seen['playable'] == [2 * 160, len(video['frames']) / 5]


def test_data_without_annotations(vis, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, gt, results = vis
    bare = json.loads(gt.read_text())
    del bare['annotations']
    path = tmp_path / 'bare.json'
    path.write_text(json.dumps(bare))
    with pytest.raises(SystemExit):
        run('analysis_tools/error_report.py', config, results, '--cfg-options',
            f'test_dataloader.dataset.ann_file={path}')
    assert 'no annotations to compare with' in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ['bare.json']


@pytest.mark.parametrize('words, message', [
    (['--out', 'a.txt'], '--out a.txt: must end in .html'),
    (['--max-frames', '0'], '--max-frames 0: expected at least 1'),
    (['--fps', '0'], '--fps 0.0: expected above 0'),
    (['--num', '-1'], '--num -1: expected 0 or more'),
])
def test_wrong_options(vis, capsys, words, message):
    with pytest.raises(SystemExit):
        run('analysis_tools/error_report.py', vis[0], vis[2], *words)
    assert message in capsys.readouterr().err
