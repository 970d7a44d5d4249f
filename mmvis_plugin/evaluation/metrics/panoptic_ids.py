"""Numbers of predicted segments in result files."""
from collections import Counter
from typing import Dict, Tuple

_STEP = 1000
_HIGH = 1 << 20
_LIMIT = 1 << 24


class PanopticIds:
    """Gives the segments of one video their ids, in order of appearance.

    Stuff has category + 1; the n-th object of a category has
    1000 (category + 1) + n. What does not fit (a second segment of a stuff
    category, objects after the 999th) takes the next free id above 2^20.
    """

    def __init__(self) -> None:
        self._known: Dict[Tuple[int, int], int] = {}
        self._counts: Counter = Counter()
        self._next = _HIGH + 1

    def get(self, category: int, key: int, isthing: bool) -> int:
        """Return the id of a segment, a new one where it is new.

        Args:
            category (int): Category id.
            key (int): What the segment is known by within its category and
                video, e.g. its track id.
            isthing (bool): Whether the category is one of things.

        Raises:
            ValueError: If 2^24 ids do not suffice.
        """
        if (category, key) not in self._known:
            self._known[category, key] = self._new_id(category, isthing)
        return self._known[category, key]

    def _new_id(self, category: int, isthing: bool) -> int:
        self._counts[category] += 1
        number = self._counts[category]
        if isthing and number < _STEP:
            return _STEP * (category + 1) + number
        if not isthing and number == 1:
            return category + 1
        if self._next >= _LIMIT:
            raise ValueError(f'category {category}: no free id below {_LIMIT} '
                             'is left, expected fewer segments in a video')
        self._next += 1
        return self._next - 1
