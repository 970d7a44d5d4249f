# 10 epochs of SGD with a polynomial decay, 16 pairs of frames per step
# (instance tracker of HybridTracker). Logs and checkpoints count epochs, so
# this comes with the runtime.
_base_ = '../default_runtime.py'
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(
    type='PolyLR',
    power=0.9,
    begin=0,
    end=10,
    by_epoch=True,
    convert_to_iter_based=True)
default_hooks = dict(
    checkpoint=dict(by_epoch=True, interval=1, max_keep_ckpts=3))
log_processor = dict(by_epoch=True)
# the learning rate belongs to 2 GPUs with 8 pairs each
auto_scale_lr = dict(enable=False, base_batch_size=16)
