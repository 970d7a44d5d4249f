# 32k iterations of 8 clips (InsPro section 4.2). On fewer GPUs raise
# optim_wrapper.accumulative_counts so that 8 clips still make a step, and all
# numbers of iterations as much: they count batches.
train_cfg = dict(type='ResumableIterLoop', max_iters=32000, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2.5e-5, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=1000),
    dict(
        type='MultiStepLR',
        by_epoch=False,
        begin=0,
        end=32000,
        milestones=[24000, 28000],
        gamma=0.1)
]
# the learning rate belongs to 8 GPUs with 1 clip each
auto_scale_lr = dict(enable=False, base_batch_size=8)
