_base_ = './inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Phase 2 of InsPro-lite: only the stage of the non-key frames is trained.
# The key interval can be changed at test time, for example with
# --cfg-options model.roi_head.key_interval=5
model = dict(
    lite_roles='KKKNN', roi_head=dict(lite_head=True, key_interval=10))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
# weights of phase 1, inspro_r50_fpn_8xb1-32k_youtubevis2019.py
load_from = None
