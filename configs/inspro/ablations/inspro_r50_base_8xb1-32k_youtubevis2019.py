_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (a) C: no dedup loss, no intra-query attention
model = dict(roi_head=dict(intra_query=None, criterion=dict(loss_dedup=None)))
