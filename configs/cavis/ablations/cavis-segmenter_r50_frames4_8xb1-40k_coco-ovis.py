# Table 3 (c) 4
_base_ = '../cavis-segmenter_r50_8xb1-40k_coco-ovis.py'
train_pipeline = [
    dict(type='ClipSample', num_frames=4, frame_range=2, mode='ref'),
    *_base_.video_transforms
]
pseudo_pipeline = [
    dict(type='ClipSample', num_frames=4, mode='dense'),
    *_base_.pseudo_transforms
]
train_dataloader = dict(
    dataset=dict(datasets=[
        dict(_base_.video_dataset, pipeline=train_pipeline),
        dict(_base_.pseudo_dataset, clip_length=4, pipeline=pseudo_pipeline),
    ]))
