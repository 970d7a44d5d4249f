_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (a) E: the learned queries on every frame
model = dict(
    roi_head=dict(
        propagate_query=False,
        intra_query=None,
        criterion=dict(loss_dedup=None)))
