# 90k iterations of 8 clips (InsPro section A.5), else as 32k.
_base_ = './schedule_32k.py'
max_iters = 90000
train_cfg = dict(max_iters=max_iters, val_interval=10000)
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=1000),
    dict(
        type='MultiStepLR',
        by_epoch=False,
        begin=0,
        end=max_iters,
        milestones=[65000, 80000],
        gamma=0.1)
]
