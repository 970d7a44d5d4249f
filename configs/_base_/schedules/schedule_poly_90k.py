# 90k iterations of SGD with a polynomial decay, 16 images per step
# (PanopticFCN on COCO). Gradients are clipped by value.
max_iters = 90000
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.),
    clip_grad=dict(type='value', clip_value=35))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=max_iters),
]
# the learning rate belongs to 8 GPUs with 2 images each
auto_scale_lr = dict(enable=False, base_batch_size=16)
