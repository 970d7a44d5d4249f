# Stage 1 of PCAN on MovingShapes: boxes and embeddings, from scratch.
_base_ = './pcan_r18_fpn_movingshapes-tiny.py'
model = dict(
    detector=dict(roi_head=dict(mask_roi_extractor=None, mask_head=None)),
    refine_head=None,
    frame_pcam=None,
    freeze=[])
max_iters = 3000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
# the metric of the data set needs masks, which come with stage 2
val_evaluator = dict(_delete_=True, type='BoxTubeMetric', track_score='mean')
test_evaluator = val_evaluator
load_from = None
