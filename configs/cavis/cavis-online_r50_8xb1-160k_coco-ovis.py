# Context-aware tracker of CAVIS on OVIS and COCO; the segmenter is frozen.
_base_ = './cavis-segmenter_r50_8xb1-40k_coco-ovis.py'
model = dict(
    stage='online',
    tracker=dict(type='ContextAwareTracker', num_classes=_base_.num_classes))
clip = dict(type='ClipSample', num_frames=5, mode='dense')
train_pipeline = [clip, *_base_.video_transforms]
pseudo_pipeline = [clip, *_base_.pseudo_transforms]
train_dataloader = dict(
    dataset=dict(datasets=[
        dict(_base_.video_dataset, pipeline=train_pipeline),
        dict(_base_.pseudo_dataset, clip_length=5, pipeline=pseudo_pipeline),
    ]))

max_iters = 160000
train_cfg = dict(max_iters=max_iters, val_interval=40000)
param_scheduler = dict(end=max_iters, milestones=[112000])
load_from = 'work_dirs/cavis-segmenter_r50_8xb1-40k_coco-ovis/iter_40000.pth'
