import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmvis_plugin.models.panoptic_fcn import (ImageTargets, build_targets,
                                              panoptic_fcn_losses)
from mmvis_plugin.models.panoptic_fcn.panoptic_fcn_loss import (
    gather_stuff_kernels, weighted_dice_loss)


def image_targets(ids, classes, sem):
    present = [k for k in ids.unique().tolist() if k > 0]
    masks = torch.stack([ids == k for k in present])
    boxes = []
    for mask in masks:
        rows, columns = mask.nonzero(as_tuple=True)
        boxes.append([
            columns.min(),
            rows.min(),
            columns.max() + 1,
            rows.max() + 1,
        ])
    return ImageTargets(masks,
                        torch.tensor(boxes).float(), classes[:len(present)],
                        sem)


@pytest.fixture(scope='module', params=[1, 2])
def case(request, reference):
    ref, outputs, embeds = reference('loss', request.param)
    images = [
        image_targets(ref['inst'][i], ref['classes'][i], ref['sem'][i])
        for i in range(2)
    ]
    targets = build_targets(images, outputs.encoded.shape[-2:],
                            [x.shape[-2:] for x in outputs.centers],
                            int(ref['num_thing']), int(ref['num_stuff']),
                            ref['scales'].tolist())
    return ref, outputs, embeds, targets


def test_reference_targets(case):
    ref, _, _, targets = case
    for i in range(5):
        torch.testing.assert_close(
            targets.things[i].heat, ref[f'heat_{i}'], rtol=1e-4, atol=1e-6)
        owners = targets.images[targets.things[i].assigned]
        assert torch.equal(
            owners.bincount(minlength=2).float(), ref[f'n_inst_{i}'])
        region = targets.regions[i]
        num = (region > 0).flatten(2).any(2).sum(1)
        assert torch.equal(num.float(), ref[f'n_stuff_{i}'])
        torch.testing.assert_close(
            region.sum((2, 3)), ref[f'stuff_score_sum_{i}'], rtol=1e-4, atol=0)


def test_reference_losses_and_gradients(case):
    ref, outputs, embeds, targets = case
    losses = panoptic_fcn_losses(outputs, targets, *embeds,
                                 int(ref['pos_num']))
    tolerance = dict(rtol=1e-4, atol=0)
    total = 0
    for name, loss in losses.items():
        if 'seg' in name:
            loss = float(ref['seg_weight']) * loss
        torch.testing.assert_close(loss.detach().double(), ref[name],
                                   **tolerance)
        total = total + loss
    total.backward()

    def norm(x):
        return x.grad.double().norm()

    for i in range(5):
        for kind, maps in zip(('center', 'region', 'kernel'), outputs[:3]):
            torch.testing.assert_close(
                norm(maps[i]), ref[f'gnorm_{kind}_{i}'], **tolerance)
    torch.testing.assert_close(
        norm(outputs.encoded), ref['gnorm_encode'], **tolerance)
    for kind, layer in zip(('thing', 'stuff'), embeds):
        torch.testing.assert_close(
            layer.weight.grad,
            ref[f'grad_{kind}_embed_w'][..., 0, 0],
            rtol=1e-4,
            atol=1e-6)
        torch.testing.assert_close(
            layer.bias.grad, ref[f'grad_{kind}_embed_b'], rtol=1e-4, atol=1e-6)


def no_objects(canvas=(32, 32)):
    height, width = (4 * side for side in canvas)
    return ImageTargets(
        torch.zeros(0, height, width), torch.zeros(0, 4),
        torch.zeros(0, dtype=torch.long),
        torch.full((height, width), 255, dtype=torch.uint8))


@pytest.mark.parametrize('num_images', [1, 2])
def test_images_without_objects(reference, num_images):
    ref, _, embeds = reference('loss', 1)
    sizes = [(16, 16), (8, 8), (4, 4), (2, 2), (1, 1)]

    def maps(channels, sizes):
        return tuple(
            torch.randn(num_images, channels, *size).requires_grad_()
            for size in sizes)

    outputs = (maps(3, sizes), maps(4, sizes), maps(8, sizes),
               maps(4, [(32, 32)])[0])
    targets = build_targets([no_objects()] * num_images, (32, 32), sizes, 3, 4,
                            ref['scales'].tolist())
    losses = panoptic_fcn_losses(outputs, targets, *embeds)
    sum(losses.values()).backward()
    assert losses['loss_seg_th'] == losses['loss_seg_st'] == 0
    assert losses['loss_pos_th'] > 0 and losses['loss_pos_st'] > 0
    for tensor in (*outputs[0], *outputs[2], outputs[3]):
        assert tensor.grad is not None and tensor.grad.isfinite().all()
    # a layer without work still belongs to the graph
    assert all((layer.weight.grad == 0).all() for layer in embeds)


def test_levels_of_fewer_cells_than_positions(reference):
    ref, _, embeds = reference('loss', 1)
    sizes = [(4, 4), (2, 2), (1, 1), (1, 1), (1, 1)]
    torch.manual_seed(0)

    def maps(channels, sizes):
        return tuple(torch.randn(1, channels, *size) for size in sizes)

    outputs = (maps(3, sizes), maps(4, sizes), maps(8,
                                                    sizes), maps(4,
                                                                 [(8, 8)])[0])
    ids = torch.zeros(32, 32, dtype=torch.long)
    ids[3:20, 5:30] = 1
    image = image_targets(ids, torch.tensor([2]), ids.clamp(max=1))
    targets = build_targets([image], (8, 8), sizes, 3, 4, [(1, 512)] * 5)
    loss = panoptic_fcn_losses(outputs, targets, *embeds)['loss_seg_th']
    expected = np.mean(
        [one_level(outputs, targets, embeds[0], i).item() for i in range(5)])
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-5)


def one_level(outputs, targets, embed, i):
    """Weighted dice of the only object at a level."""
    centers, _, kernels, encoded = outputs
    size = centers[i].shape[-2:]
    inside = F.interpolate(
        targets.masks[None], size=size, mode='bilinear')[0, 0] > 0.1
    guide = (centers[i][0, 2].sigmoid() * inside).flatten()
    best = guide.argsort(descending=True)[:7]
    loss = 0
    for q in best:
        kernel = embed(kernels[i][0].flatten(1)[:, q])
        prob = torch.einsum('c,chw->hw', kernel, encoded[0]).sigmoid()
        mask = targets.masks[0]
        dice = 1 - 2 * (prob * mask).sum() / (
            prob.square().sum() + mask.square().sum())
        loss = loss + guide[q] / guide[best].sum() * dice
    return loss


def test_stuff_kernels_are_divided_by_all_cells():
    kernel = torch.randn(1, 3, 4, 5)
    region = torch.zeros(1, 2, 4, 5)
    region[0, 1, :2, :3] = 0.7
    pooled, images, classes = gather_stuff_kernels([kernel], [region])
    torch.testing.assert_close(pooled[0], kernel[0, :, :2, :3].sum(
        (1, 2)) / 20)
    assert images.tolist() == [0] and classes.tolist() == [1]


def test_gradient_of_weighted_dice_reaches_weights():
    torch.manual_seed(0)
    inputs = [
        torch.randn(shape).double().requires_grad_()
        for shape in ((3, 2, 4), (3, 2), (2, 4, 3, 3))
    ]
    masks, images = torch.rand(3, 3, 3).double(), torch.tensor([0, 1, 1])
    assert torch.autograd.gradcheck(
        lambda *x: weighted_dice_loss(*x, masks, images), inputs)
