"""How much memory this process has."""
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None


def resident_bytes() -> int:
    """Return the resident memory.

    Returns:
        int: Bytes; their peak where the system tells no more, 0 where it
        tells nothing.
    """
    if resource is None:
        return 0
    try:
        with open('/proc/self/statm', encoding='ascii') as file:
            pages = int(file.read().split()[1])
        return pages * resource.getpagesize()
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == 'darwin' else 1024 * peak
