_base_ = './inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Phase 2 of InsPro-lite: only the stage of the non-key frames is trained.
# The paper names three key and two non-key frames per clip; their order is
# ours: the bank is full before the first non-key frame, and the last frame
# trains a chain of two.
lite_roles = 'KKKNN'
# The key interval can be changed at test time, for example with
# --cfg-options model.roi_head.key_interval=5
model = dict(
    lite_roles=lite_roles, roi_head=dict(lite_head=True, key_interval=10))

train_pipeline = [
    dict(
        type='ClipSample',
        num_frames=len(lite_roles),
        frame_range=None,
        mode='ref'), *_base_.train_pipeline[1:]
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# Weights of phase 1, inspro_r50_fpn_8xb1-32k_youtubevis2019.py. The lite
# stage, which they lack, starts as a copy of their last stage.
load_from = None
