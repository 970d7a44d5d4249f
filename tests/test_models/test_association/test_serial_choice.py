import pytest
import torch

from mmvis_plugin.models.association import serial_choice


def walk(scores, can_take, threshold):
    """Choose row by row, as the definition says."""
    scores = scores.clone()
    columns, best, taken = [], [], []
    for row in range(len(scores)):
        column = int(scores[row].argmax())
        value = scores[row, column].item()
        take = value > threshold and bool(can_take[row, column])
        if take:
            scores[row + 1:, column] = 0
        columns.append(column)
        best.append(value)
        taken.append(take)
    return columns, best, taken


@pytest.mark.parametrize('num_rows, num_columns', [(1, 1), (12, 3), (3, 12),
                                                   (20, 20), (40, 25)])
@pytest.mark.parametrize('seed', range(10))
def test_equals_a_walk_through_the_rows(num_rows, num_columns, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand((num_rows, num_columns), generator=generator) + 0.01
    can_take = torch.rand((num_rows, num_columns), generator=generator) < 0.8
    columns, best, taken = walk(scores, can_take, 0.4)
    choice = serial_choice(scores, can_take, 0.4)
    assert choice.taken.tolist() == taken
    torch.testing.assert_close(choice.scores, torch.tensor(best))
    # with nothing left the column has no meaning
    left = torch.tensor(best) > 0
    assert choice.columns[left].tolist() == torch.tensor(
        columns)[left].tolist()


def test_a_row_gets_its_second_best_after_a_chain_of_rejections():
    scores = torch.tensor([[.9, .8, .7], [.9, .8, .7], [.9, .8, .7]])
    choice = serial_choice(scores, torch.ones(3, 3, dtype=torch.bool), 0.5)
    assert choice.columns.tolist() == [0, 1, 2]
    assert choice.taken.all()


def test_a_row_that_may_not_take_its_best_takes_nothing():
    scores = torch.tensor([[.9, .8], [.9, .1]])
    can_take = torch.tensor([[False, True], [True, True]])
    choice = serial_choice(scores, can_take, 0.5)
    assert choice.taken.tolist() == [False, True]
    assert choice.columns.tolist() == [0, 0]


def test_no_rows():
    choice = serial_choice(
        torch.zeros(0, 2), torch.zeros(0, 2, dtype=torch.bool), 0.5)
    assert [len(part) for part in choice] == [0, 0, 0]
