# Context-aware tracker of CAVIS on VIPSeg; the segmenter is frozen. 40k
# iterations as in the released code; the paper names 160k for all trackers.
_base_ = './cavis-segmenter_r50_8xb1-40k_vipseg.py'
model = dict(
    stage='online',
    tracker=dict(type='ContextAwareTracker', num_classes=_base_.num_classes))
train_pipeline = [
    dict(type='ClipSample', num_frames=5, mode='dense'),
    *_base_.video_transforms
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
load_from = 'work_dirs/cavis-segmenter_r50_8xb1-40k_vipseg/iter_40000.pth'
