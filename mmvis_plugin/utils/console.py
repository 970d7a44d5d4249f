"""Keep the console readable; the log file keeps everything."""
import logging

# Functions of mmengine that dump hundreds of lines: parameter
# initialisation, environment and config, order of the hooks.
_DUMPS = {'_dump_init_info', '_log_env', '__init__'}
_MAX_LINES = 2
# Remarks of mmengine to itself, which no config can change.
_REMARKS = ('"FileClient" will be deprecated',
            '"HardDiskBackend" is the alias',
            'Distributed training is not used')


class DumpFilter(logging.Filter):
    """Drop the listings and remarks that mmengine logs when a run starts."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record goes to the console.

        Args:
            record (logging.LogRecord): What is about to be written.

        Returns:
            bool: False for a listing or a remark.
        """
        text = record.getMessage()
        if text.startswith(_REMARKS):
            return False
        if record.levelno >= logging.WARNING:
            return True
        lines = text.strip().count('\n') + 1
        is_dump = record.funcName in _DUMPS and lines > _MAX_LINES
        return not (is_dump or record.funcName == '_dump_init_info')


def keep_console_short(logger: logging.Logger) -> None:
    """Put a :class:`DumpFilter` on a logger's console handlers.

    Args:
        logger (logging.Logger): For example
            ``MMLogger.get_current_instance()``. Calling it twice is fine.
    """
    for handler in logger.handlers:
        on_console = isinstance(handler, logging.StreamHandler) and \
            not isinstance(handler, logging.FileHandler)
        if on_console and not any(
                isinstance(f, DumpFilter) for f in handler.filters):
            handler.addFilter(DumpFilter())
