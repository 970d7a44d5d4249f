# Stage 1 of PCAN on BDD100K: boxes and embeddings (QDTrack), from ImageNet
# weights. The whole network is trained.
_base_ = [
    '../_base_/models/pcan_r50_fpn.py',
    '../_base_/datasets/bdd100k_box_pairs.py',
    '../_base_/schedules/schedule_12e.py'
]
model = dict(
    data_preprocessor=dict(pad_mask=False),
    detector=dict(roi_head=dict(mask_roi_extractor=None, mask_head=None)),
    refine_head=None,
    frame_pcam=None)
# Belongs to 8 pairs per step; without its warm-up, or on fewer GPUs without
# scaling it down, the losses become nan.
optim_wrapper = dict(optimizer=dict(lr=0.04))
