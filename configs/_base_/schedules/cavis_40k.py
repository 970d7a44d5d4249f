# 40k iterations of 8 clips (CAVIS, section 5.1). On fewer GPUs raise
# optim_wrapper.accumulative_counts so that 8 clips still make a step, and all
# numbers of iterations as much: they count batches (see cavis/large). Mixed
# precision is bfloat16 on a CPU.
max_iters = 40000
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
embedding = dict(lr_mult=1., decay_mult=0.)
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        # the tracker has a linear layer `ctx_query_embed`, which decays
        custom_keys={
            'backbone': dict(lr_mult=0.1),
            'segment_head.query_feat': embedding,
            'segment_head.query_embed': embedding,
            'segment_head.level_embed': embedding
        }),
    clip_grad=dict(max_norm=0.01, norm_type=2))
param_scheduler = dict(
    type='MultiStepLR',
    by_epoch=False,
    begin=0,
    end=max_iters,
    milestones=[28000],
    gamma=0.1)
# the learning rate belongs to 8 GPUs with 1 clip each
auto_scale_lr = dict(enable=False, base_batch_size=8)
