_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (a) D: the learned proposals on every frame
model = dict(
    roi_head=dict(
        propagate_proposal=False,
        intra_query=None,
        criterion=dict(loss_dedup=None)))
