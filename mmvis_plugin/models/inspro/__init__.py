"""InsPro: propagated query-proposal pairs."""
from .dynamic_mask_head import DynamicMaskHead
from .inspro import InsPro
from .inspro_criterion import InsProCriterion
from .inspro_dii_head import InsProDIIHead
from .inspro_head import InsProHead
from .inspro_image_detector import InsProImageDetector
from .intra_query_attention import IntraQueryAttention, intra_query_attention

__all__ = [
    'DynamicMaskHead', 'InsPro', 'InsProCriterion', 'InsProDIIHead',
    'InsProHead', 'InsProImageDetector', 'IntraQueryAttention',
    'intra_query_attention'
]
