"""Stop between two videos instead of in the middle of one."""
import signal
import threading


class StopSignal:
    """Context manager that notes SIGTERM and SIGINT instead of ending.

    Outside of the main thread, where Python allows no handlers, signals keep
    their effect.

    Examples:
        >>> with StopSignal() as stop:
        ...     for video in videos:
        ...         if stop:
        ...             break
    """

    def __init__(self) -> None:
        self._came = False
        self._before: dict = {}

    def __enter__(self) -> 'StopSignal':
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return self._came

    def _note(self, number: int, frame) -> None:
        if not self._came:
            print(
                f'{signal.Signals(number).name}: stopping after this video; '
                'a later call goes on from there',
                flush=True)
        self._came = True
