"""Category ids of labels in files."""
from typing import Dict, List, Optional


def label_to_category(meta: Optional[dict]) -> Optional[Dict[int, int]]:
    """Return the category id of each label that the data set gives.

    Args:
        meta (dict, optional): Metainfo of a model.

    Returns:
        dict or None: None if the classes are not known.
    """
    meta = meta or {}
    if meta.get('label2cat') is not None:
        pairs = meta['label2cat']
        return dict(pairs if isinstance(pairs, dict) else enumerate(pairs))
    if meta.get('classes') is None:
        return None
    return {label: label + 1 for label in range(len(meta['classes']))}


def panoptic_categories(meta: Optional[dict], path: str) -> List[dict]:
    """Return id, name and isthing of all labels.

    Args:
        meta (dict, optional): Metainfo of a model.
        path (str): What messages call the output.

    Raises:
        ValueError: If the model does not know them.
    """
    meta = meta or {}
    ids = label_to_category(meta)
    if ids is None or meta.get('thing_classes') is None:
        raise ValueError(
            f'{path}: the model does not know which classes there are and '
            'which of them are things; give a checkpoint written by training, '
            'or metainfo=dict(classes=..., thing_classes=...) in '
            'test_dataloader.dataset of the config')
    things = set(meta['thing_classes'])
    return [
        dict(id=ids[label], name=name, isthing=int(name in things))
        for label, name in enumerate(meta['classes'])
    ]
