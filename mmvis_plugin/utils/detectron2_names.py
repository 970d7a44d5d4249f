"""Names of layers that many Detectron2 models share."""
import re
from typing import Optional, Sequence, Tuple

Rules = Sequence[Tuple[str, str]]

# A stage is one number higher there: res2 is layer1.
_RESNET: Rules = (
    (r'stem\.conv1\.norm\.', 'bn1.'),
    (r'stem\.conv1\.', 'conv1.'),
    *((rule.format(stage + 1), name.format(stage)) for stage in range(1, 5)
      for rule, name in (
          (r'res{}\.(\d+)\.conv(\d)\.norm\.', r'layer{}.\1.bn\2.'),
          (r'res{}\.(\d+)\.conv(\d)\.', r'layer{}.\1.conv\2.'),
          (r'res{}\.(\d+)\.shortcut\.norm\.', r'layer{}.\1.downsample.1.'),
          (r'res{}\.(\d+)\.shortcut\.', r'layer{}.\1.downsample.0.'),
      )),
)


def rename(name: str, rules: Rules) -> Optional[str]:
    """Replace the beginning of a name by the first rule that fits.

    Args:
        name (str): Name of a tensor.
        rules (Sequence[tuple[str, str]]): Regular expression for the
            beginning of a name, and what stands in its place.

    Returns:
        str, optional: None if no rule fits.
    """
    for pattern, new in rules:
        match = re.match(pattern, name)
        if match:
            return match.expand(new) + name[match.end():]
    return None


def resnet_name(name: str) -> Optional[str]:
    """Return mmdet's name of a tensor of Detectron2's ResNet.

    Args:
        name (str): Name without the prefix of the backbone.

    Returns:
        str, optional: None for a name that is not of a ResNet.
    """
    return rename(name, _RESNET)
