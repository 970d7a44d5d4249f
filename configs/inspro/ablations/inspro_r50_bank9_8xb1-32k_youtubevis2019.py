_base_ = '../inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
# Table 2 (c): test with the checkpoint of the base recipe
model = dict(roi_head=dict(bank_size=9))
