import os

import pytest

from mmvis_plugin.apis.bulk import ListedVideo, list_videos
from mmvis_plugin.utils.errors import AnnotationError


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b'x')


def names(videos):
    return [video.name for video in videos]


def test_a_folder(tmp_path):
    put(tmp_path, 'v10.mp4', 'v2.MP4', 'v2.jpg', 'a/b/0.png', 'a/b/1.png',
        'a/c.mkv', 'notes.txt', '.hidden/x.mp4', '.x.mp4', 'out/vis/v2.mp4')
    videos = list_videos(str(tmp_path), skip=[str(tmp_path / 'out')])
    assert names(videos) == ['a__b', 'a__c', 'v2', 'v10']
    assert videos[0].source == str(tmp_path / 'a/b')
    assert videos[2].source == str(tmp_path / 'v2.MP4')


def test_links_in_a_circle(tmp_path):
    put(tmp_path, 'far/x.mp4')
    (tmp_path / 'videos').mkdir()
    put(tmp_path, 'videos/y.mp4')
    os.symlink(tmp_path / 'far', tmp_path / 'videos/near')
    os.symlink(tmp_path / 'videos', tmp_path / 'videos/self')
    assert names(list_videos(str(tmp_path / 'videos'))) == ['near__x', 'y']


def test_a_folder_that_is_one_video(tmp_path):
    put(tmp_path, 'clip/0.jpg', 'clip/1.jpg')
    assert names(list_videos(str(tmp_path / 'clip'))) == ['clip']


def test_a_list(tmp_path, monkeypatch):
    put(tmp_path, 'in/a.mp4', 'in/sub/b.avi')
    (tmp_path / 'list.txt').write_text(
        '# videos\nin/sub/b.avi\n\nin/a.mp4\nin/./a.mp4 \nabsent.mp4\n'
        f'{tmp_path}/in/c\nhttp://x.org/d.mp4\n')
    monkeypatch.chdir(tmp_path)
    videos = list_videos('list.txt')
    assert names(videos) == [
        'in__sub__b', 'in__a', 'absent', 'in__c', 'x_org_d_mp4'
    ]
    assert videos[-1].source == 'http://x.org/d.mp4'
    monkeypatch.chdir('/')
    again = list_videos(str(tmp_path / 'list.txt'), str(tmp_path))
    assert again == videos
    outside = list_videos(str(tmp_path / 'list.txt'), str(tmp_path / 'far'))
    assert outside[0].source == str(tmp_path / 'far/in/sub/b.avi')
    assert outside[3].name == f'{tmp_path}/in/c'[1:].replace('/', '__')


def test_two_of_one_name(tmp_path):
    put(tmp_path, 'a.mp4', 'a.avi')
    with pytest.raises(AnnotationError, match='a.avi and .*a.mp4 would both'):
        list_videos(str(tmp_path))
    found = list_videos(str(tmp_path), keep_suffix=True)
    assert names(found) == ['a.avi', 'a.mp4']


@pytest.mark.parametrize('path, message', [
    ('absent', 'no such folder'),
    ('empty', 'holds no video, expected files as .mp4'),
    ('a.mp4', 'no text, expected a list'),
])
def test_no_videos(tmp_path, path, message):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'a.mp4').write_bytes(b'\xff\xfe\xff')
    with pytest.raises((AnnotationError, FileNotFoundError), match=message):
        list_videos(str(tmp_path / path))


def test_the_stamp_changes_with_the_content(tmp_path):
    video = ListedVideo('a', str(tmp_path / 'a.mp4'))
    assert video.stamp() is None
    put(tmp_path, 'a.mp4')
    os.utime(tmp_path / 'a.mp4', (7, 7))
    assert video.stamp() == [1, 7]
    os.utime(tmp_path, (9, 9))
    assert ListedVideo('b', str(tmp_path)).stamp() == [0, 9]
