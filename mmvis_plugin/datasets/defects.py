"""Stop at the first broken record, or go on and list them all."""
from mmvis_plugin.utils.errors import AnnotationError


class Defects(list):
    """Messages of broken records, in the order of the source.

    A reader puts ``with defects:`` around what it does with one record. A
    dataset stops at the first error; a tool that reports everything runs the
    same reader and leaves the broken records out.

    Args:
        collect (bool): Keep the message and go on after the record, instead
            of letting the error pass. Defaults to False.

    Examples:
        >>> defects = Defects(collect=True)
        >>> for record in (1, 2):
        ...     with defects:
        ...         raise AnnotationError(f'record {record} is broken')
        >>> defects
        ['record 1 is broken', 'record 2 is broken']
    """

    def __init__(self, collect: bool = False) -> None:
        super().__init__()
        self.collect = collect

    def __enter__(self) -> 'Defects':
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> bool:
        known = isinstance(exc_value, (AnnotationError, FileNotFoundError))
        if self.collect and known:
            self.append(str(exc_value))
            return True
        return False


STRICT = Defects()
