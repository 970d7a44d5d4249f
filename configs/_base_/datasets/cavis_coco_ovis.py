# OVIS and the COCO images with its classes, one to one, with the clips of the
# segmenter of CAVIS. Later stages set other clips.
_base_ = ['./ovis.py', './coco_pseudo_video.py', './cavis_clips.py']

# draws without replacement; the released code draws with it
train_pipeline = [
    dict(type='ClipSample', num_frames=3, frame_range=2, mode='ref'),
    *_base_.video_transforms
]
pseudo_pipeline = [
    dict(type='ClipSample', num_frames=3, mode='dense'),
    *_base_.pseudo_transforms
]
video_dataset = dict(_base_.train_dataloader.dataset, pipeline=train_pipeline)
pseudo_dataset = dict(
    _base_.pseudo_dataset, class_map='ovis', pipeline=pseudo_pipeline)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='JointVideoSampler', ratio=(1, 1)),
    dataset=dict(
        _delete_=True,
        type='JointVideoDataset',
        datasets=[video_dataset, pseudo_dataset]))

test_pipeline = _base_.test_transforms
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
