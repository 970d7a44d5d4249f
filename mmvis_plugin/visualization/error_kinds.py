"""Names and colours of what happens to tracks."""
from typing import Dict, NamedTuple, Tuple


class ErrorKind(NamedTuple):
    """How a kind of event is shown.

    Args:
        name (str): What people call it.
        text (str): What it means.
        color (str): RGB in hexadecimal digits, after '#'.
        is_error (bool): Whether it is counted as an error.
    """
    name: str
    text: str
    color: str
    is_error: bool = True

    @property
    def rgb(self) -> Tuple[int, ...]:
        """tuple[int]: Red, green and blue, 0 to 255."""
        return tuple(bytes.fromhex(self.color[1:]))


# Okabe and Ito's colours, told apart with any colour vision, and a violet.
# Signs, patterns and words say the same.
ERROR_KINDS: Dict[str, ErrorKind] = dict(
    miss=ErrorKind('missed', 'no track is on an object', '#d55e00'),
    switch=ErrorKind('identity switch',
                     'an object is taken over by another track', '#cc79a7'),
    fragment=ErrorKind('fragment', 'an object is found again after a miss',
                       '#56b4e9'),
    wrong_class=ErrorKind('wrong class',
                          'the track of an object has another class',
                          '#e69f00'),
    duplicate=ErrorKind('duplicate',
                        'a track is on an object that has another one',
                        '#f0e442'),
    stray=ErrorKind('stray', 'a track is off the object that it had',
                    '#999999'),
    false_track=ErrorKind('false track', 'a track never is on an object',
                          '#7a3e9d'),
    birth=ErrorKind('birth', 'an object gets its first track', '#009e73',
                    False))
"""dict[str, ErrorKind]: Kind of a ``TrackEvent`` to how it is shown."""
