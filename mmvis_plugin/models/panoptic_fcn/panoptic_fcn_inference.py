"""Segments of an image out of the maps of PanopticFCN."""
from typing import Callable, Tuple

import torch
from torch import Tensor

from ..layers.precision import at_least_fp32
from .candidates import (Candidates, fuse_stuff_kernels, fuse_thing_kernels,
                         rescore, stuff_candidates, thing_candidates)
from .inference_options import InferenceOptions
from .panoptic_fcn_outputs import PanopticFCNOutputs
from .panoptic_merge import (PanopticSegments, drop_small_things,
                             merge_panoptic, resize_masks, resize_probs,
                             semantic_map)


@torch.no_grad()
def segment_image(outputs: PanopticFCNOutputs, thing_embed: Callable[[Tensor],
                                                                     Tensor],
                  stuff_embed: Callable[[Tensor],
                                        Tensor], options: InferenceOptions,
                  sem_to_label: Tensor, img_shape: Tuple[int, int],
                  ori_shape: Tuple[int, int]) -> PanopticSegments:
    """Segment an image.

    Only things that can be put on the map are brought to its size: that is
    where the memory goes.

    Source: PanopticFCN, section 3.2.4 and its published code.

    Args:
        outputs (PanopticFCNOutputs): Maps of one image, without the axis of
            the batch.
        thing_embed (Callable): Maps kernels ``(K, D)`` of things to
            ``(K, C)``.
        stuff_embed (Callable): The same for stuff.
        options (InferenceOptions): Thresholds.
        sem_to_label (Tensor): ``(num_semantic, )``, label of each class of
            the semantic map, -1 for one that is not written.
        img_shape (tuple[int, int]): Height and width without padding.
        ori_shape (tuple[int, int]): Height and width of the result.

    Returns:
        PanopticSegments: Map and list.
    """
    encoded = at_least_fp32(outputs.encoded)
    things, stuff = find_objects(outputs, thing_embed, stuff_embed, options)
    things, probs = rescore(things, kernel_masks(things,
                                                 encoded), options.mask_thr,
                            options.rescored_thr, options.max_things)
    put = things.scores >= options.score_thr
    things, probs = things.choose(put), probs[put]
    masks = resize_masks(probs, img_shape, ori_shape, options.mask_thr)
    sem = resize_probs(kernel_masks(stuff, encoded), img_shape, ori_shape)
    segments = merge_panoptic(masks, things.labels, things.scores,
                              semantic_map(sem, stuff.labels), sem_to_label,
                              options.score_thr, options.overlap_thr,
                              options.stuff_area)
    if options.min_thing_area > 0:
        segments = drop_small_things(segments, options.min_thing_area)
    return segments


def find_objects(outputs: PanopticFCNOutputs, thing_embed: Callable[[Tensor],
                                                                    Tensor],
                 stuff_embed: Callable[[Tensor], Tensor],
                 options: InferenceOptions) -> Tuple[Candidates, Candidates]:
    """Return embedded kernels of things and stuff, one per object.

    Args:
        outputs (PanopticFCNOutputs): Maps of one image.
        thing_embed (Callable): As of :func:`segment_image`.
        stuff_embed (Callable): As of :func:`segment_image`.
        options (InferenceOptions): Thresholds.

    Returns:
        tuple[Candidates, Candidates]: Things by falling score, stuff by
        class.
    """
    centers, regions, kernels, _ = outputs
    things = thing_candidates(centers, kernels, options.pool_sizes,
                              options.max_things, options.center_thr)
    things = things._replace(kernels=thing_embed(things.kernels))
    stuff = stuff_candidates(regions, kernels, options.stuff_thr)
    stuff = stuff._replace(kernels=stuff_embed(stuff.kernels))
    return (fuse_thing_kernels(things, options.sim_thr),
            fuse_stuff_kernels(stuff, len(regions[0])))


def kernel_masks(objects: Candidates, encoded: Tensor) -> Tensor:
    """Return the masks of kernels at a stride of 4.

    Args:
        objects (Candidates): Embedded kernels.
        encoded (Tensor): Features.

    Returns:
        Tensor: Probabilities.

    Shape:
        - encoded: ``(C, h, w)``; output: ``(K, h, w)``.
    """
    logits = at_least_fp32(objects.kernels) @ encoded.flatten(1)
    return logits.sigmoid().unflatten(1, encoded.shape[1:])
