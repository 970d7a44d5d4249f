# One-stage PCAN on YouTube-VIS 2019, our design: the refine head on masks of
# CondInst, everything else frozen.
_base_ = [
    '../_base_/models/pcan-condinst_r50_fpn.py',
    '../_base_/datasets/youtube_vis_2019.py',
    '../_base_/schedules/schedule_12e.py'
]
model = dict(freeze=['detector', 'track_head', 'frame_pcam'])
train_pipeline = [
    dict(
        type='ClipSample',
        num_frames=2,
        frame_range=3,
        mode='ref',
        share_object=True),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='Resize', scale=(640, 360), keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=2,  # pairs per GPU
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(
        # frames without objects count as neighbours, too
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline))
# the score of a track is the mean of its frames
val_evaluator = dict(track_score='mean')
test_evaluator = val_evaluator
# the learning rate that is known of the one-stage model, for 4 GPUs
optim_wrapper = dict(optimizer=dict(lr=0.0025))
load_from = ('work_dirs/pcan-condinst-stage1_r50_fpn_4xb2-12e_youtubevis2019/'
             'epoch_12.pth')
