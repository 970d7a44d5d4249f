from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.models.losses import (embedding_contrastive_loss,
                                        mask_prototypes,
                                        prototype_contrastive_loss)
from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/cavis'


def load(case):
    with np.load(DATA / f'cavis_pcc_{case}.npz') as file:
        ref = {name: torch.from_numpy(file[name]) for name in file.files}
    masks = [ref[f'gt_masks_{i}'] for i in range(int(ref['num_videos']))]
    return ref, masks


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values_and_gradients(case):
    ref, masks = load(case)
    features = ref['mask_features'].requires_grad_()
    loss = MODELS.build(dict(type='PCCLoss', loss_weight=1., aux_weight=3.))
    for weight, name, value in zip((1., 3.), ('loss_proto', 'loss_proto_aux'),
                                   loss(features, masks)):
        torch.testing.assert_close(value, weight * ref[name])
        grad, = torch.autograd.grad(value, features, retain_graph=True)
        torch.testing.assert_close(
            grad, weight * ref[f'grad_{name}'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('case', [1, 2])
def test_reference_prototypes(case):
    ref, masks = load(case)
    for i, mask in enumerate(masks):
        protos, valid = mask_prototypes(ref['mask_features'][i], mask)
        assert torch.equal(valid, ref[f'proto_valid_{i}'])
        formed = ~ref[f'prototypes_{i}'].isnan().any(-1)
        torch.testing.assert_close(protos[formed],
                                   ref[f'prototypes_{i}'][formed])


def random_clips(counts, seed=0, frames=2, size=(4, 5)):
    rng = torch.Generator().manual_seed(seed)
    features = torch.randn(
        len(counts), frames, 3, *size, generator=rng, dtype=torch.float64)
    masks = [
        torch.rand(n, frames, 4 * size[0], 4 * size[1], generator=rng) < 0.4
        for n in counts
    ]
    return features, masks


def naive_prototypes(features, masks):
    """Prototypes by loops; at stride 4 four pixels share a weight."""
    frames, channels, height, width = features.shape
    protos = torch.zeros(len(masks), frames, channels).double()
    for n, t in np.ndindex(len(masks), frames):
        total = 0.
        for y, x in np.ndindex(height, width):
            weight = 0.
            for dy, dx in ((1, 1), (1, 2), (2, 1), (2, 2)):
                weight += float(masks[n, t, 4 * y + dy, 4 * x + dx]) / 4
            protos[n, t] += weight * features[t, :, y, x]
            total += weight
        protos[n, t] /= total or 1.
    return protos


def test_prototypes_equal_loops():
    features, (masks, ) = random_clips([3])
    masks[1, 0] = False
    protos, valid = mask_prototypes(features[0], masks)
    torch.testing.assert_close(protos, naive_prototypes(features[0], masks))
    assert valid.tolist() == [[True, True], [False, True], [True, True]]


def test_batch_contrasts_within_clips_and_counts_over_all():
    features, masks = random_clips([2, 3, 1, 0])
    masks[1][0, 1] = False  # absent on a frame
    protos, groups, clips = [], [], []
    for clip in (0, 1):
        found = naive_prototypes(features[clip], masks[clip])
        for n, t in np.ndindex(*found.shape[:2]):
            if masks[clip][n, t].any():
                protos.append(found[n, t])
                groups.append(n)
                clips.append(clip)
    expected = embedding_contrastive_loss(
        torch.stack(protos), torch.tensor(groups), torch.tensor(clips))
    got = prototype_contrastive_loss(features, masks)
    torch.testing.assert_close(torch.stack(got), torch.stack(expected))
    assert got[0] > 0


def test_absent_objects_have_finite_gradients():
    features, masks = random_clips([3, 3])
    masks[0][1, 0] = False
    masks[1][1] = False
    features.requires_grad_()
    torch.stack(prototype_contrastive_loss(features, masks)).sum().backward()
    assert features.grad.isfinite().all()
    assert (features.grad[0] != 0).any()
    # an object without any pixel takes its clip out
    assert (features.grad[1] == 0).all()


@pytest.mark.parametrize('counts', [[0], [1], [1, 0]])
def test_nothing_to_contrast_keeps_the_graph(counts):
    features, masks = random_clips(counts)
    features.requires_grad_()
    loss, aux = prototype_contrastive_loss(features, masks)
    (loss + aux).backward()
    assert loss == 0 and aux == 0 and (features.grad == 0).all()


def test_half_precision_is_computed_in_fp32():
    features, masks = random_clips([3])
    features = features.bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = prototype_contrastive_loss(features, masks)
    expected = prototype_contrastive_loss(features.double(), masks)
    torch.testing.assert_close(torch.stack(got), torch.stack(expected).float())
