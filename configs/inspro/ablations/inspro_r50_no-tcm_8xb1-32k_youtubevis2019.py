_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (a) B: propagation, every frame matched from scratch
model = dict(
    roi_head=dict(
        intra_query=None,
        criterion=dict(matcher=dict(tcm=False), loss_dedup=None)))
