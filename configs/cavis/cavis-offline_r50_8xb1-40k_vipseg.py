# Temporal refiner of CAVIS on VIPSeg; segmenter and tracker are frozen.
_base_ = './cavis-online_r50_8xb1-40k_vipseg.py'
model = dict(
    stage='offline',
    refiner=dict(type='TemporalRefiner', num_classes=_base_.num_classes))
train_pipeline = [
    dict(type='ClipSample', num_frames=15, mode='dense', reverse_prob=0.5),
    *_base_.cropped_transforms
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
load_from = 'work_dirs/cavis-online_r50_8xb1-40k_vipseg/iter_40000.pth'
