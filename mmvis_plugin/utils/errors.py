"""Errors that name the file or record, the finding and the remedy."""


class AnnotationError(ValueError):
    """An annotation file, mask or result file breaks its format.

    The message is one line: file, record, what was found, what was
    expected.
    """


class CheckpointError(ValueError):
    """A checkpoint does not belong to the model that loads it."""


class DownloadError(ValueError):
    """A file could not be fetched, or is not the one that was wanted."""


class DataWorkerError(RuntimeError):
    """A process that loads data died."""
