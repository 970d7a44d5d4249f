# The InsPro that comes with the package: 24 instead of 32 channels in the
# backbone, for weights below 8 MB in half precision, and 240 instead of 24
# videos to train on (--profile tiny --format youtube_vis --set num_train=240),
# three times as long.
_base_ = './inspro_r18_fpn_movingshapes-tiny.py'
model = dict(
    backbone=dict(base_channels=24, stem_channels=24),
    neck=dict(in_channels=[24, 48, 96, 192]))
# videos of any size become as small as those of the training
test_pipeline = _base_.test_pipeline
test_pipeline[0]['transforms'].append(
    dict(type='Resize', scale=(160, 96), keep_ratio=True))
data_root = 'data/moving_shapes/tiny-240/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader

max_iters = 1500
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
# weights of inspro_r18-narrow_fpn_movingshapes-tiny-pretrain.py
load_from = ('work_dirs/inspro_r18-narrow_fpn_movingshapes-tiny-pretrain/'
             'iter_2500.pth')
