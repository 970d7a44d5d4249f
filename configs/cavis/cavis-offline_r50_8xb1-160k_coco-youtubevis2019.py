# Temporal refiner of CAVIS on YouTube-VIS 2019 and COCO; segmenter and tracker
# are frozen.
_base_ = './cavis-online_r50_8xb1-160k_coco-youtubevis2019.py'
model = dict(
    stage='offline',
    loss_ref=None,
    refiner=dict(type='TemporalRefiner', num_classes=_base_.num_classes))
clip = dict(type='ClipSample', num_frames=15, mode='dense', reverse_prob=0.5)
train_pipeline = [clip, *_base_.video_transforms]
pseudo_pipeline = [clip, *_base_.pseudo_transforms]
train_dataloader = dict(
    dataset=dict(datasets=[
        dict(_base_.video_dataset, pipeline=train_pipeline),
        dict(_base_.pseudo_dataset, clip_length=15, pipeline=pseudo_pipeline),
    ]))
load_from = ('work_dirs/cavis-online_r50_8xb1-160k_coco-youtubevis2019/'
             'iter_160000.pth')
