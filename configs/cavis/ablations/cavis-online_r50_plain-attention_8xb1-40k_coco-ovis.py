# Table 3 (e): keys and queries of the cross-attention without context
_base_ = './cavis-online_r50_base_8xb1-40k_coco-ovis.py'
model = dict(tracker=dict(context_attention=False))
