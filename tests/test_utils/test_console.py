"""Long listings stay out of the console, everything else is shown."""
import logging

import pytest
from mmengine.logging import MMLogger
from mmengine.model import BaseModule
from torch import nn

from mmvis_plugin.utils.console import DumpFilter, keep_console_short


class Layer(BaseModule):
    """A module whose initialisation mmengine reports."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)


def record(text: str, func: str, level: int = logging.INFO):
    """Return a log record."""
    return logging.LogRecord('x', level, 'f', 1, text, (), None, func)


@pytest.mark.parametrize('text, func, level, shown', [
    ('a\nb\nc', '_log_env', logging.INFO, False),
    ('a\nb\nc', '__init__', logging.INFO, False),
    ('a\nb\nc', '_log_env', logging.WARNING, True),
    ('fc.weight', '_dump_init_info', logging.INFO, False),
    ('one line', '__init__', logging.INFO, True),
    ('"FileClient" will be deprecated in', '__init__', logging.WARNING, False),
    ('table\nof\nclasses', 'print_log', logging.INFO, True),
])
def test_what_is_shown(text, func, level, shown):
    assert DumpFilter().filter(record(text, func, level)) is shown


def test_initialisation_of_parameters_is_not_printed(capsys):
    logger = MMLogger.get_instance('console-test')
    Layer().init_weights()
    assert 'fc.weight' in capsys.readouterr().out
    keep_console_short(logger)
    keep_console_short(logger)
    Layer().init_weights()
    logger.info('still there')
    out = capsys.readouterr().out
    assert 'fc.weight' not in out and 'still there' in out
    assert sum(isinstance(f, DumpFilter)
               for f in logger.handlers[0].filters) == 1
