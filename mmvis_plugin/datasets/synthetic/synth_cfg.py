"""Knobs and profiles of the MovingShapes data."""
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Dict, List, Tuple

SHAPES = ('disc', 'square', 'triangle', 'star5', 'ring', 'cross', 'capsule',
          'blob')
"""Thing classes in label order; a class is a form, never a colour."""

STUFF = ('sky', 'wall', 'plants', 'ground', 'water', 'road')
"""Stuff classes; the first three can be far, the others are near."""

GENERATOR_VERSION = 1
"""Raised whenever the pixels of a given configuration change."""

VOID_KINDS = ('none', 'strip', 'blobs')
IMAGE_FORMATS = ('jpg', 'png')
SPLITS = ('train', 'val')


@dataclass(frozen=True)
class SynthCfg:
    """All that decides the pixels of a MovingShapes data set.

    Args:
        profile (str): Name that is kept for the record only.
        seed (int): Root of all random draws, not negative.
        height (int): Image height in pixels.
        width (int): Image width in pixels.
        num_frames (int): Frames per video.
        num_train (int): Videos of the split 'train'.
        num_val (int): Videos of the split 'val'.
        objects (Tuple[int, int]): Least and most objects per video, twins
            included, crowds not.
        classes (int): The first 1...8 of ``SHAPES`` are in use.
        speed (float): Standard deviation of each velocity component, as
            fraction of the width per frame.
        spin (float): Standard deviation of the rotation, rad per frame.
        pan (float): Fastest camera pan, pixels per frame.
        p_late (float): Probability that an object enters late.
        p_exit (float): Probability that an object leaves early.
        p_return (float): Probability that it leaves and comes back after
            2 to 5 frames with the same id.
        p_occlude (float): Probability per video that one object is hidden
            entirely for at least 2 frames.
        p_twin (float): Probability that an object gets a look-alike.
        twin_hue (float): Largest hue difference of twins (full circle 1).
        p_cross (float): Probability that the paths of twins cross, and that
            one pair of other objects crosses.
        p_crowd (float): Probability per video of a crowd region.
        void (str): 'none', 'strip' (bottom of the image, hides objects) or
            'blobs' (unlabelled background).
        stuff (int): Number of stuff classes in a video, 1...6.
        noise (float): Standard deviation of the image noise, grey levels.
        flicker (float): Standard deviation of the brightness factor.
        blur (bool): Whether a 3-tap horizontal blur is applied.
        label_stride (int): Every n-th frame is labelled. YouTube-VIS
            leaves the others out, Cityscapes-VPS sets it to 5, the other
            formats label all frames.
        image_format (str): 'jpg' or 'png'.
    """

    profile: str = 'tiny'
    seed: int = 0
    height: int = 96
    width: int = 160
    num_frames: int = 12
    num_train: int = 24
    num_val: int = 8
    objects: Tuple[int, int] = (3, 5)
    classes: int = 4
    speed: float = 0.015
    spin: float = 0.05
    pan: float = 1.5
    p_late: float = 0.15
    p_exit: float = 0.1
    p_return: float = 0.15
    p_occlude: float = 0.2
    p_twin: float = 0.3
    twin_hue: float = 0.04
    p_cross: float = 0.4
    p_crowd: float = 0.1
    void: str = 'blobs'
    stuff: int = 4
    noise: float = 4.0
    flicker: float = 0.03
    blur: bool = False
    label_stride: int = 1
    image_format: str = 'jpg'

    def __post_init__(self) -> None:
        if isinstance(self.objects, list):
            object.__setattr__(self, 'objects', tuple(self.objects))
        for field in fields(self):
            _check_type(field.name, field.default, getattr(self, field.name))
        checks = {
            'seed':
            self.seed >= 0,
            'height':
            self.height >= 32,
            'width':
            self.width >= self.height,
            'num_frames':
            self.num_frames >= 3,
            'num_train':
            self.num_train >= 0,
            'num_val':
            self.num_val >= 0,
            'objects':
            len(self.objects) == 2
            and 1 <= self.objects[0] <= self.objects[1] <= 90,
            'classes':
            1 <= self.classes <= len(SHAPES),
            'stuff':
            1 <= self.stuff <= len(STUFF),
            'void':
            self.void in VOID_KINDS,
            'label_stride':
            self.label_stride >= 1,
            'image_format':
            self.image_format in IMAGE_FORMATS,
        }
        checks.update({
            field.name: 0 <= getattr(self, field.name) <= 1
            for field in fields(self) if field.name.startswith('p_')
        })
        for name, fine in checks.items():
            if not fine:
                raise ValueError(
                    f'SynthCfg.{name}={getattr(self, name)!r} is out of '
                    'range; see the docstring of SynthCfg')

    @property
    def class_names(self) -> Tuple[str, ...]:
        """Thing classes in use."""
        return SHAPES[:self.classes]

    def num_videos(self, split: str) -> int:
        """Return the number of videos of a split.

        Args:
            split (str): 'train' or 'val'.
        """
        if split not in SPLITS:
            raise ValueError(f'unknown split {split!r}, expected one of '
                             f'{SPLITS}')
        return self.num_train if split == 'train' else self.num_val

    def to_dict(self) -> Dict:
        """Return the fields as JSON-ready values."""
        return {**asdict(self), 'objects': list(self.objects)}


def _check_type(name: str, default: Any, value: Any) -> None:
    """Raise unless a value has the type of the default of its field."""
    expected = type(default)
    accepted = (int, float) if expected is float else expected
    fine = isinstance(value, accepted)
    fine &= expected is bool or not isinstance(value, bool)
    if expected is tuple and fine:
        fine = all(type(item) is int for item in value)
    if not fine:
        raise ValueError(f'SynthCfg.{name}={value!r}, expected a value like '
                         f'{default!r}')


PROFILES = {
    'micro':
    SynthCfg(
        profile='micro',
        height=64,
        width=96,
        num_frames=6,
        num_train=4,
        num_val=2,
        objects=(2, 3),
        classes=3,
        speed=0.02,
        pan=1.0,
        p_return=0.,
        p_occlude=0.,
        p_twin=0.,
        p_crowd=0.),
    'tiny':
    SynthCfg(),
    'small':
    SynthCfg(
        profile='small',
        height=192,
        width=320,
        num_frames=20,
        num_train=80,
        num_val=20,
        objects=(3, 7),
        classes=8,
        speed=0.01,
        pan=2.0,
        p_twin=0.5,
        p_crowd=0.2,
        void='strip',
        stuff=5),
    'hard':
    SynthCfg(
        profile='hard',
        height=192,
        width=320,
        num_frames=40,
        num_train=40,
        num_val=20,
        objects=(6, 12),
        classes=8,
        speed=0.02,
        spin=0.1,
        pan=2.0,
        p_late=0.3,
        p_exit=0.2,
        p_return=0.4,
        p_occlude=0.5,
        p_twin=0.8,
        twin_hue=0.03,
        p_cross=0.6,
        p_crowd=0.3,
        void='strip',
        stuff=6,
        noise=6.0,
        flicker=0.05,
        blur=True),
}


def get_cfg(profile: str = 'tiny', **overrides) -> SynthCfg:
    """Return a profile with some fields replaced.

    Args:
        profile (str): 'micro', 'tiny', 'small' or 'hard'.
            Defaults to 'tiny'.
        **overrides: Fields of :class:`SynthCfg`.

    Returns:
        SynthCfg: The configuration.

    Raises:
        ValueError: If the profile or a field is unknown or out of range.
    """
    if profile not in PROFILES:
        raise ValueError(f'unknown profile {profile!r}, expected one of '
                         f'{sorted(PROFILES)}')
    unknown = sorted(set(overrides) - set(field_names()))
    if unknown:
        raise ValueError(f'unknown keys {unknown} of SynthCfg, expected some '
                         f'of {field_names()}')
    return replace(PROFILES[profile], **overrides)


def field_names() -> List[str]:
    """Return the names of the knobs."""
    return [field.name for field in fields(SynthCfg)]
