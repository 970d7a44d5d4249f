"""The page about own data works as it is printed."""
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/en/user_guides/custom_dataset.md').read_text()
SIZE = (48, 80)  # height, width
# two steps instead of some hundred
SHORT = [
    '--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=9',
    'default_hooks.checkpoint.interval=2', 'train_dataloader.batch_size=1',
    *(f'{split}_dataloader.{key}' for split in ('train', 'val', 'test')
      for key in ('num_workers=0', 'persistent_workers=False'))
]


def blocks(language):
    """Return the code blocks of the page."""
    return re.findall(rf'```{language}\n(.*?)```', PAGE, re.DOTALL)


def label_video(folder, seed, num_frames=3):
    """Draw two objects that move, and write what labelme writes."""
    folder.mkdir(parents=True)
    for t in range(num_frames):
        x, y = 4 + 3 * t + seed, 6 + seed
        disc = [[60, 24], [60 - t, 34]]
        image = Image.new('RGB', SIZE[::-1], 'grey')
        draw = ImageDraw.Draw(image)
        draw.rectangle([x, y, x + 20, y + 14], fill='red')
        draw.ellipse([50, 14, 70, 34], fill='blue')
        image.save(folder / f'{t:05d}.jpg')
        corners = [[x, y], [x + 20, y], [x + 20, y + 14], [x, y + 14]]
        shapes = [
            dict(label='box', points=corners, shape_type='polygon'),
            dict(label='disc', points=disc, shape_type='circle')
        ]
        data = dict(
            version='5.5.0',
            flags={},
            shapes=[dict(s, group_id=1, flags={}) for s in shapes],
            imagePath=f'{t:05d}.jpg',
            imageData=None,
            imageHeight=SIZE[0],
            imageWidth=SIZE[1])
        (folder / f'{t:05d}.json').write_text(json.dumps(data))


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Go to a folder that looks like a clone with four labelled videos."""
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(ROOT / name)
    for seed, name in enumerate(('kitchen', 'garden', 'hall', 'street')):
        label_video(tmp_path / 'data/my_videos' / name, seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(monkeypatch, capsys):
    """Return a function that runs a line of the page in this process."""

    def run(line, extra=()):
        line = re.sub(r'\$\(cat (\S+)\)', lambda m: Path(m[1]).read_text(),
                      line)
        python, tool, *words = shlex.split(line)
        assert python == 'python'
        monkeypatch.setattr(sys, 'argv', [tool, *words, *extra])
        code = 0
        try:
            runpy.run_path(tool, run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert not code, err
        return out

    return run


def test_four_commands(clone, shell):
    config, commands = blocks('python')[0], blocks('bash')[0]
    convert, check, train, test = commands.strip().splitlines()
    (clone / 'my_videos.py').write_text(config)

    out = shell(convert)
    assert 'train.json: written, 3 videos, 9 frames, 6 tracks, 2 c' in out
    assert 'valid.json: written, 1 videos, 3 frames, 2 tracks, 2 c' in out
    out = shell(check)
    assert 'no defect' in out and 'tracks: 6' in out
    shell(train, SHORT)
    assert (clone / 'work_dirs/my_videos/last_checkpoint').is_file()
    out = shell(test, SHORT[:1] + SHORT[-6:])
    assert re.search(r'vis/AP: \d', out), out[-2000:]
    assert 'already there, nothing to do' in shell(convert)


def test_cvat_takes_the_place_of_labelme(clone, shell):
    line = next(b for b in blocks('bash') if 'cvat2ytvis' in b)
    for name in ('kitchen', 'garden', 'hall', 'street'):
        box = ('<box frame="1" xtl="4" ytl="4" xbr="20" ybr="20" '
               'outside="0"/>')
        (clone / f'data/my_videos/{name}.xml').write_text(
            f'<annotations><track id="0" label="cat">{box}</track>'
            '</annotations>')
    assert '3 videos, 9 frames, 3 tracks, 1 classes' in shell(line)


def test_json_of_any_other_source(tmp_path):
    from mmvis_plugin.datasets.vis_report import check_vis_json
    data = eval(blocks('python')[1])
    code = dict(size=[720, 1280], counts=[720 * 1280])
    data['annotations'][0]['segmentations'][1] = code
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(data))
    report = check_vis_json(str(path))
    assert report.defects == [] and report.counts['frames'] == 2
