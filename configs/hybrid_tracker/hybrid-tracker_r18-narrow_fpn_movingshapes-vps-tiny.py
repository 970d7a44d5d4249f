# The HybridTracker that comes with the package: 24 instead of 32 channels in
# the backbone and 256 instead of 1024 in the instance tracker, for weights
# below 8 MB in half precision; flow by RAFT, as files have none for videos of
# users. Its checkpoint is joined of that of stage 2 and RAFT:
#   python tools/model_converters/join_weights.py OUT STAGE2 flow=RAFT
_base_ = './hybrid-tracker_r18_fpn_movingshapes-vps-tiny.py'
model = dict(
    segmentor=dict(
        backbone=dict(base_channels=24, stem_channels=24),
        neck=dict(in_channels=[24, 48, 96, 192])),
    flow=dict(_delete_=True, type='RAFT', small=True, iters=4, flow_scale=2.0),
    instance_head=dict(fc_channels=(256, 256)))
# videos of any size become as small as those of the training
test_pipeline = _base_.test_pipeline
test_pipeline[0]['transforms'].append(
    dict(type='Resize', scale=(160, 96), keep_ratio=True))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
