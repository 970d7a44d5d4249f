# RAFT (small) from scratch on the exact flow of MovingShapes: pairs of frames
# at a distance of one and two, in both directions. Needs the data of
# _base_/datasets/moving_shapes_vps.py, written with --with-flow.
#
# What moves by a pixel or two is hard to learn from for a network with cells
# of 8 pixels: frames are doubled, and most windows are shifted against each
# other.
_base_ = '../_base_/default_runtime.py'
model = dict(
    type='FlowEstimator',
    flow=dict(type='RAFT', small=True, iters=4, flow_scale=2.0),
    train_iters=4)

data_root = 'data/moving_shapes/tiny_vipseg/'
train_pipeline = [
    dict(type='LoadFlowPair'),
    dict(
        type='RandomChoice',
        transforms=[[
            dict(type='RandomCropFlowPair', size=(64, 96), max_shift=8)
        ], [dict(type='RandomCropFlowPair', size=(64, 96))]],
        prob=[0.6, 0.4]),
    dict(type='RandomFlipFlowPair', prob=0.5, vertical_prob=0.5),
    dict(type='PackFlowPair'),
]
test_pipeline = [
    dict(type='LoadFlowPair'),
    dict(type='PackFlowPair'),
]
train_dataloader = dict(
    batch_size=2,  # pairs
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='FlowPairDataset',
        data_root=data_root,
        pattern='images/train_*/*.png',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FlowPairDataset',
        data_root=data_root,
        pattern='images/val_*/*.png',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='FlowMetric')
test_evaluator = val_evaluator

max_iters = 1100
train_cfg = dict(
    type='ResumableIterLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-5),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = dict(
    type='OneCycleLR',
    eta_max=5e-4,
    total_steps=max_iters,
    pct_start=0.05,
    anneal_strategy='linear',
    by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(enable=False, base_batch_size=2)
