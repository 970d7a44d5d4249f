"""Operators, each with a path in plain torch that gives the same result."""
from .em_cluster import em_cluster
from .em_cluster_torch import em_cluster_torch
from .prototype_attention import (prototype_attention, prototype_readout,
                                  prototype_values)

__all__ = [
    'em_cluster', 'em_cluster_torch', 'prototype_attention',
    'prototype_readout', 'prototype_values'
]
