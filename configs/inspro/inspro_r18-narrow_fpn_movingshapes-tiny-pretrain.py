_base_ = './inspro_r18-narrow_fpn_movingshapes-tiny.py'
# Single frames first, as in inspro_r18_fpn_movingshapes-tiny-pretrain.py.
train_pipeline = _base_.train_pipeline
train_pipeline[0]['num_frames'] = 1
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))

max_iters = 2500
train_cfg = dict(max_iters=max_iters, val_interval=10 * max_iters)
param_scheduler = dict(total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(base_batch_size=8)
load_from = None
