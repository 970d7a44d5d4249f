# Mask2Former on single frames of MovingShapes: what weights of COCO are to the
# recipes of the paper. It starts from a backbone of the small PanopticFCN, as
# they start from one of ImageNet: from scratch, no query learns to tell forms
# in this time.
_base_ = './cavis-segmenter_r18_movingshapes-tiny.py'
model = dict(
    # on single frames there is nothing to compare over time
    loss_ctx=dict(loss_weight=0., aux_weight=0.),
    loss_pcc=dict(loss_weight=0., aux_weight=0.))
train_pipeline = [
    dict(type='ClipSample', num_frames=1, frame_range=0, mode='ref'),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=_base_.frame_transforms),
    dict(type='PackClipInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))

max_iters = 2500
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = dict(eta_max=5e-4, total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
auto_scale_lr = dict(base_batch_size=8)
load_from = ('work_dirs/panoptic-fcn_r18_fpn_pcan-backbone_movingshapes-vps-'
             'tiny/iter_3000.pth')
