import pytest

from mmvis_plugin.datasets.converters import imagenet_lists as lists
from mmvis_plugin.utils.errors import AnnotationError


@pytest.fixture
def write(tmp_path):

    def to_file(text):
        path = tmp_path / 'list.txt'
        path.write_text(text)
        return str(path)

    return to_file


def test_numbers_of_the_list_start_at_one_and_of_files_at_zero(write):
    path = write('train/a 1 30 30\ntrain/b 1 1 2\n\ntrain/a 1 1 30\n')
    assert lists.listed_frames(path) == {'train/a': [0, 29], 'train/b': [0]}


@pytest.mark.parametrize('text, message', [
    ('a 1 0 30', 'a has frame 0 of 30, expected numbers from 1 on'),
    ('a 1 31 30', 'a has frame 31 of 30, expected numbers from 1 on'),
    ('a 1 3 30\na 1 3 30', 'a lists a frame twice'),
    ('a 1 3 30\nb 1 3', "line 2 is 'b 1 3', expected a name and 3 integers"),
    ('a 1 3 x', "line 1 is 'a 1 3 x', expected a name and 3 integers"),
    ('a 1 3 ' + '9' * 5000, "line 1 is 'a 1 3 9999"),
    ('', 'no line, expected at least one'),
])
def test_broken_lists(write, text, message):
    path = write(text)
    with pytest.raises(AnnotationError) as error:
        lists.listed_frames(path)
    assert str(error.value).startswith(f'{path}: {message}')


def test_lengths_of_the_validation_videos(write):
    path = write('val/a 1 0 3\nval/b 4 0 1')
    assert lists.listed_videos(path) == {'val/a': [0, 1, 2], 'val/b': [0]}
    for text, message in (('a 1 0 0', 'a of 0 frames, expected each video'),
                          ('a 1 0 2\na 3 0 2', 'a of 2 frames, expected')):
        with pytest.raises(AnnotationError, match=f'list.txt: {message}'):
            lists.listed_videos(write(text))


def test_missing_list(tmp_path):
    with pytest.raises(FileNotFoundError, match='--lists, or take every'):
        lists.read_list(str(tmp_path / 'a.txt'), 2)


def test_all_frames_are_sorted_by_video_and_number(tmp_path):
    for name in ('b/000001', 'b/000000', 'a/000010', 'a/000009'):
        path = tmp_path / 'val' / f'{name}.xml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / 'val/a/readme.txt').touch()
    assert lists.find_xml(str(tmp_path), 'val') == [
        'val/a/000009', 'val/a/000010', 'val/b/000000', 'val/b/000001'
    ]
    assert lists.all_frames(str(tmp_path), 'val') == {
        'val/a': [9, 10],
        'val/b': [0, 1]
    }
    (tmp_path / 'val/a/x.xml').touch()
    with pytest.raises(AnnotationError, match='a/x.xml: expected the number'):
        lists.all_frames(str(tmp_path), 'val')
    with pytest.raises(FileNotFoundError, match='no XML file below'):
        lists.find_xml(str(tmp_path), 'train')


def test_every_class_has_its_wordnet_id():
    wnids = lists.known_wnids()
    assert sorted(wnids.values()) == list(range(1, 31))
    assert wnids['n02691156'] == 1 and wnids['n02391049'] == 30
