import json
import os

import pytest

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json


def square(task):
    number, log = task
    with open(log, 'a') as file:
        file.write(f'{number}\n')
    if number < 0:
        raise AnnotationError(f'video {number}: negative')
    return number**2


def forget(task):
    return None


def runs(log):
    return sorted(int(line) for line in log.read_text().split())


def square_all(numbers, log, folder, workers=1, options=()):
    tasks = {f'video {n}': (n, str(log)) for n in numbers}
    parts = TaskParts(str(folder), dict(options))
    return list(run_tasks(square, tasks, parts, workers)), parts


@pytest.mark.parametrize('workers', [1, 2])
def test_results_come_in_the_order_of_the_tasks(tmp_path, workers):
    numbers = [5, 1, 4, 2, 3]
    results, parts = square_all(numbers, tmp_path / 'log', tmp_path / 'parts',
                                workers)
    assert results == [25, 1, 16, 4, 9]
    parts.remove()
    assert os.listdir(tmp_path) == ['log']


@pytest.mark.parametrize('workers', [1, 2])
def test_goes_on_after_a_failure(tmp_path, workers):
    log, folder = tmp_path / 'log', tmp_path / 'parts'
    with pytest.raises(AnnotationError, match='video -1: negative'):
        square_all([3, -1], log, folder, workers)
    done = runs(log)
    results, _ = square_all([3, 2], log, folder, workers)
    assert results == [9, 4]
    assert runs(log) == sorted(done + [2])


def test_other_options_start_anew(tmp_path):
    log, folder = tmp_path / 'log', tmp_path / 'parts'
    square_all([3], log, folder, options=dict(height=720))
    square_all([3], log, folder, options=dict(height=720))
    assert runs(log) == [3]
    square_all([3], log, folder, options=dict(height=480))
    assert runs(log) == [3, 3]


def test_no_tasks(tmp_path):
    assert square_all([], tmp_path / 'log', tmp_path / 'parts', 2)[0] == []


def test_none_is_no_result(tmp_path):
    parts = TaskParts(str(tmp_path / 'parts'), {})
    with pytest.raises(TypeError, match='forget returned None'):
        list(run_tasks(forget, dict(a=1), parts))


def test_write_json_leaves_nothing_half_written(tmp_path):
    path = tmp_path / 'sub' / 'a.json'
    write_json(str(path), dict(a=1))
    with pytest.raises(TypeError, match='not JSON serializable'):
        write_json(str(path), dict(a=object()))
    assert json.loads(path.read_text()) == dict(a=1)
    assert os.listdir(path.parent) == ['a.json']
