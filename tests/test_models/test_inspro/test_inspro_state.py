import torch

from mmvis_plugin.models.inspro.inspro_state import StageOutputs


def outputs(masks=True, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return StageOutputs(
        torch.rand(2, 3, 5, 4, generator=rng),
        torch.rand(2, 3, 5, 4, generator=rng),
        torch.rand(2, 3, 5, 9, generator=rng) if masks else None,
        torch.rand(2, 5, 8, generator=rng))


def test_stack_puts_time_second():
    frames = [outputs(seed=i) for i in range(4)]
    feats = torch.rand(2, 4, 8, 3, 3)
    clip = StageOutputs.stack(frames, feats)
    assert clip.mask_feats is feats
    for t, frame in enumerate(frames):
        assert torch.equal(clip.logits[:, t], frame.logits)
        assert torch.equal(clip.boxes[:, t], frame.boxes)
        assert torch.equal(clip.mask_params[:, t], frame.mask_params)


def test_stack_without_masks():
    clip = StageOutputs.stack([outputs(masks=False)] * 2)
    assert clip.mask_params is None and clip.mask_feats is None


def test_last_stage_keeps_the_stage_dimension():
    for masks in (True, False):
        frame = outputs(masks)
        last = frame.last_stage()
        assert torch.equal(last.logits, frame.logits[:, 2:])
        assert torch.equal(last.boxes, frame.boxes[:, 2:])
        assert (last.mask_params is not None) == masks
        if masks:
            assert torch.equal(last.mask_params, frame.mask_params[:, 2:])
        assert last.obj_feat is frame.obj_feat
