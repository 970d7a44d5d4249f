_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (a) A: frames are linked by the slot index alone
model = dict(
    roi_head=dict(
        propagate_query=False,
        propagate_proposal=False,
        intra_query=None,
        criterion=dict(matcher=dict(tcm=False), loss_dedup=None)))
