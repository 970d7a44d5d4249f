# Stage 1 of one-stage PCAN on MovingShapes: detector, embeddings and frame
# level, from scratch.
_base_ = './pcan-condinst_r18_fpn_movingshapes-tiny.py'
model = dict(refine_head=None, freeze=[])
max_iters = 1500
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = dict(total_steps=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
load_from = None
