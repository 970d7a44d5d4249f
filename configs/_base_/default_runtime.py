default_scope = 'mmdet'  # bare names of mmdet and of this package
custom_imports = dict(imports=['mmvis_plugin'], allow_failed_imports=False)
runner_type = 'VideoRunner'  # whole checkpoints, short console

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    # evaluations are logged with the iteration that they belong to
    logger=dict(
        type='ResultLoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Keep two at least: the oldest is removed before the new one is written,
    # and a run that is killed in between needs the other.
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=4000,
        max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # SIGTERM and SIGUSR1: save a checkpoint, exit with code 75
    stop=dict(type='SaveOnSignalHook'),
    visualization=dict(type='VideoVisualizationHook', draw=False))

# custom_hooks = [
#     dict(type='EMAHook', momentum=0.0002),  # evaluate averaged weights
#     dict(type='EarlyStoppingHook', monitor='vis/AP', patience=5),
# ]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))  # becomes 'gloo' where there is no GPU

vis_backends = [
    dict(type='LocalVisBackend'),
    # dict(type='TensorboardVisBackend'),
]
visualizer = dict(
    type='VideoVisualizer', vis_backends=vis_backends, name='visualizer')

log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
# A fixed seed makes a resumed run equal to an uninterrupted one; on a GPU
# add deterministic=True.
randomness = dict(seed=0)
