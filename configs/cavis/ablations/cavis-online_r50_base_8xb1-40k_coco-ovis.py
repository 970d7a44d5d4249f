# Table 3 (e) and (f), with everything: the tracker at 40k iterations
_base_ = '../cavis-online_r50_8xb1-160k_coco-ovis.py'
max_iters = 40000
train_cfg = dict(max_iters=max_iters, val_interval=10000)
param_scheduler = dict(end=max_iters, milestones=[28000])
