"""Small numbers of tracks."""
from typing import Dict, List, Sequence


class TrackNumbers:
    """Numbers tracks from 1 in order of appearance.

    Track ids of a model may be far apart and may begin with 0, which stands
    for the background in pictures.

    Examples:
        >>> numbers = TrackNumbers()
        >>> numbers.of([40, 7]), numbers.of([7, 9])
        ([1, 2], [2, 3])
    """

    def __init__(self) -> None:
        self._known: Dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def ids(self) -> List[int]:
        """list[int]: Track id of each number."""
        return list(self._known)

    def of(self, ids: Sequence[int]) -> List[int]:
        """Return the numbers of tracks, new ones of new tracks.

        Args:
            ids (Sequence[int]): Track ids.
        """
        return [
            self._known.setdefault(int(i),
                                   len(self._known) + 1) for i in ids
        ]
