# Table 3 (a) (vi), (b) 9, (c) 2 and (d) average: clips of two frames
_base_ = '../cavis-segmenter_r50_8xb1-40k_coco-ovis.py'
train_pipeline = [
    dict(type='ClipSample', num_frames=2, frame_range=2, mode='ref'),
    *_base_.video_transforms
]
pseudo_pipeline = [
    dict(type='ClipSample', num_frames=2, mode='dense'),
    *_base_.pseudo_transforms
]
train_dataloader = dict(
    dataset=dict(datasets=[
        dict(_base_.video_dataset, pipeline=train_pipeline),
        dict(_base_.pseudo_dataset, clip_length=2, pipeline=pseudo_pipeline),
    ]))
