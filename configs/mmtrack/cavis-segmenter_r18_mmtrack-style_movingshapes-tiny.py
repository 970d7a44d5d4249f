# CAVIS in place of the Mask2Former of mmtrack: iterations, clips of key frames
# alone, whole videos as batches in tests.
_base_ = [
    '../_base_/models/cavis_r18_tiny.py',
    './_base_/moving_shapes_vis.py',
    './_base_/default_runtime.py',
]
num_frames = 3
train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='PackTrackInputs', num_key_frames=num_frames),
]
train_dataloader = dict(
    dataset=dict(
        pipeline=train_pipeline,
        ref_img_sampler=dict(
            num_ref_imgs=num_frames - 1,
            frame_range=5,
            filter_key_img=True,
            method='uniform')))
val_dataloader = dict(batch_sampler=dict(type='EntireVideoBatchSampler'))
test_dataloader = val_dataloader

embed_multi = dict(lr_mult=1.0, decay_mult=0.0)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=0.1, decay_mult=1.0),
            'query_embed': embed_multi,
            'query_feat': embed_multi,
            'level_embed': embed_multi,
        },
        norm_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0, norm_type=2))
max_iters = 400
param_scheduler = dict(
    type='MultiStepLR',
    begin=0,
    end=max_iters,
    by_epoch=False,
    milestones=[300],
    gamma=0.1)
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    checkpoint=dict(
        type='CheckpointHook',
        by_epoch=False,
        save_last=True,
        interval=max_iters))
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)
