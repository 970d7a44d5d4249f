# The segmenter on one GPU: 8 clips make a step, one after the other. All that
# counts iterations counts clips, so it is 8 times as long for 40k steps.
_base_ = '../cavis-segmenter_vit-l_8xb1-40k_coco-ovis.py'
times = 8
max_iters = times * _base_.max_iters
train_cfg = dict(
    max_iters=max_iters, val_interval=times * _base_.train_cfg.val_interval)
param_scheduler = dict(
    end=max_iters,
    milestones=[times * i for i in _base_.param_scheduler.milestones])
default_hooks = dict(
    checkpoint=dict(interval=times * _base_.default_hooks.checkpoint.interval))
# bfloat16 does not overflow; where the GPU lacks it, leave dtype out
optim_wrapper = dict(accumulative_counts=times, dtype='bfloat16')
# activations of the backbone are computed again in the backward pass
model = dict(backbone=dict(with_cp=True))
