"""Mask losses of matched pairs of a clip, one value per pair."""
from mmdet.models.losses.dice_loss import dice_loss
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor

from ..layers.precision import at_least_fp32


def mask_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Dice loss of V-Net on sigmoid masks.

    .. math:: L = 1 - \frac{2 \sum p g}
        {\sum p^2 + \sum g^2 + 10^{-5}}

    Source: V-Net, section 3; the squared form is CondInst's.

    Args:
        logits (Tensor): Mask logits.
        targets (Tensor): Binary masks of any type.

    Returns:
        Tensor: Loss of each mask in [0, 1].

    Shape:
        - logits, targets: ``(P, h, w)``.
        - output: ``(P, )``.
    """
    probs = at_least_fp32(logits).sigmoid()
    # mmdet adds its eps to both sums of the denominator
    return dice_loss(probs, targets.to(probs), eps=5e-6, reduction='none')


def mask_focal_loss(logits: Tensor,
                    targets: Tensor,
                    alpha: float = 0.25,
                    gamma: float = 2.) -> Tensor:
    r"""Sigmoid focal loss, mean over the pixels of each mask.

    .. math:: L = -\frac{1}{hw} \sum \alpha_g (1 - p_g)^\gamma \log p_g

    with :math:`p_g` the probability of the target of a pixel and
    :math:`\alpha_g` equal to :math:`\alpha` inside the mask and
    :math:`1 - \alpha` outside.

    Source: Focal Loss, Eq. 5. InsPro names the loss, the mean is ours.

    Args:
        logits (Tensor): Mask logits.
        targets (Tensor): Binary masks of any type.
        alpha (float): Weight of the foreground. Defaults to 0.25.
        gamma (float): Focusing exponent. Defaults to 2.

    Returns:
        Tensor: Loss of each mask.

    Shape:
        - logits, targets: ``(P, h, w)``.
        - output: ``(P, )``.
    """
    logits = at_least_fp32(logits).flatten(1)
    losses = py_sigmoid_focal_loss(
        logits, targets.flatten(1), alpha=alpha, gamma=gamma, reduction='none')
    return losses.mean(dim=1)
