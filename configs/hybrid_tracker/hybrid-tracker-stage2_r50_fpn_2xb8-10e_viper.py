# Stage 2 of HybridTracker on VIPER: the instance tracker, on
# annotated masks. Segmenter and flow are frozen and not even run; they are
# here so that the checkpoint has all weights.
_base_ = [
    '../_base_/models/hybrid-tracker_r50_fpn.py',
    '../_base_/datasets/viper.py', '../_base_/schedules/schedule_poly_10e.py'
]
model = dict(
    stage='instance',
    # frames without pixels
    data_preprocessor=dict(mean=None, std=None),
    segmentor=dict(
        panoptic_head=dict(num_things=10, num_stuff=13),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/panoptic-fcn_r50_fpn_8xb4-65k_viper/'
            'iter_65000.pth')),
    flow=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='checkpoints/raft-sintel.pth',
            prefix='flow.')))
train_pipeline = [
    # every labelled frame with another one, 5 to 25 frames away
    dict(type='ClipSample', num_frames=2, frame_range=5, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='SkipVideoFrame'),
            dict(type='LoadFramePanoptic', with_mask=False),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='KeyFrameSampler'),
    dataset=dict(pipeline=train_pipeline))
# to be tested with the recipe without a stage in its name
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
